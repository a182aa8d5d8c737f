CREATE OR REPLACE FUNCTION tokens_extend_hold(p_hold_id uuid, p_more_tokens bigint, p_lease_seconds integer)
RETURNS TABLE (outcome text, held_tokens bigint)
LANGUAGE plpgsql AS $$
-- Renew the lease of an open hold and reserve more tokens under it, all of them or none:
--   extended · insufficient · over_budget · ended. The lease is renewed whenever the hold is open.
DECLARE
    hold tokens_hold;
    is_own boolean;                -- on the company's own key: budgets alone are held
    account tokens_account;
    moment timestamptz;
    available bigint;
BEGIN
    account := tokens_take_turn((SELECT h.company_id FROM tokens_hold h WHERE h.id = p_hold_id));
    moment := clock_timestamp();
    UPDATE tokens_hold h SET lease_expires_at = moment + make_interval(secs => p_lease_seconds)
    WHERE h.id = p_hold_id AND h.state = 'open' RETURNING h.* INTO hold;
    IF hold.id IS NULL THEN
        RETURN QUERY SELECT 'ended', 0::bigint;
        RETURN;
    END IF;
    is_own := hold.key_owner = 'company';
    IF account.debt_tokens > 0 AND p_more_tokens > 0 THEN
        account.debt_tokens := account.debt_tokens - tokens_repay_debt(hold.company_id);
    END IF;
    SELECT greatest(0, coalesce(sum(free), 0) - account.debt_tokens) INTO available
    FROM tokens_free_tokens(hold.company_id, moment);
    IF (available < p_more_tokens OR account.debt_tokens > 0 AND p_more_tokens > 0) AND NOT is_own THEN
        RETURN QUERY SELECT 'insufficient', hold.held_tokens::bigint;
        RETURN;
    END IF;
    IF EXISTS (
        SELECT 1 FROM tokens_budgets_of(
            hold.company_id, hold.operation, hold.job_id, hold.user_id, hold.api_key_id, hold.company_day) b
        WHERE b.stops AND b.left_tokens < p_more_tokens
    ) AND p_more_tokens > 0 THEN
        RETURN QUERY SELECT 'over_budget', hold.held_tokens::bigint;
        RETURN;
    END IF;
    IF NOT is_own THEN
        PERFORM tokens_hold_on_allocations(hold.company_id, p_hold_id, p_more_tokens, moment);
    END IF;
    UPDATE tokens_hold h SET held_tokens = h.held_tokens + p_more_tokens WHERE h.id = p_hold_id;
    PERFORM tokens_count_in_budgets(p_hold_id, 0, p_more_tokens);
    RETURN QUERY SELECT 'extended', hold.held_tokens + p_more_tokens;
END
$$;
