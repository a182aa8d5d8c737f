CREATE OR REPLACE FUNCTION tokens_expire_hold(p_hold_id uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
-- Give back the tokens of a hold whose lease has run out. Its attempts stay open: a settlement may still arrive.
-- Returns whether this call expired it.
DECLARE
    account tokens_account;
    ended tokens_hold;
BEGIN
    SELECT a.* INTO account FROM tokens_account a
    JOIN tokens_hold h ON h.company_id = a.company_id WHERE h.id = p_hold_id FOR NO KEY UPDATE OF a;
    UPDATE tokens_hold SET state = 'expired', ended_at = clock_timestamp()
    WHERE id = p_hold_id AND state = 'open' AND lease_expires_at <= clock_timestamp()
    RETURNING * INTO ended;
    IF ended.id IS NULL THEN
        RETURN false;
    END IF;
    UPDATE tokens_allocation a SET held_tokens = a.held_tokens - part.tokens
    FROM tokens_hold_part part WHERE part.hold_id = p_hold_id AND a.id = part.allocation_id;
    PERFORM tokens_count_in_budgets(p_hold_id, 0, -ended.held_tokens);
    IF account.debt_tokens > 0 THEN
        PERFORM tokens_repay_debt(ended.company_id);
    END IF;
    RETURN true;
END
$$;
