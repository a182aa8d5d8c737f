CREATE OR REPLACE FUNCTION tokens_roll_over(
    p_allocation_id uuid, p_max_tokens bigint, p_source_id text, p_priority integer, p_expires_at timestamptz
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
-- At renewal: end an allocation, and grant what was free on it anew, at most p_max_tokens; returns the tokens rolled
-- over. Together, so that no moment sees the tokens twice or not at all. The same source rolls over once.
DECLARE
    allocation tokens_allocation;
    moment timestamptz;
    free bigint;
    rolled bigint;
BEGIN
    PERFORM 1 FROM tokens_account acc
    JOIN tokens_allocation al ON al.company_id = acc.company_id WHERE al.id = p_allocation_id FOR NO KEY UPDATE OF acc;
    SELECT * INTO STRICT allocation FROM tokens_allocation WHERE id = p_allocation_id;
    SELECT a.allocated_tokens INTO rolled FROM tokens_allocation a
    WHERE a.company_id = allocation.company_id AND a.source = 'rollover' AND a.source_id = p_source_id;
    IF FOUND THEN
        RETURN rolled;
    END IF;
    moment := clock_timestamp();
    free := allocation.allocated_tokens - allocation.used_tokens - allocation.held_tokens
        - allocation.expired_tokens - allocation.revoked_tokens;
    rolled := least(free, p_max_tokens);
    IF free > 0 THEN
        UPDATE tokens_allocation
        SET expired_tokens = expired_tokens + free, expires_at = least(expires_at, greatest(moment, effective_at + interval '1 microsecond'))
        WHERE id = p_allocation_id;
        INSERT INTO tokens_ledger_entry (company_id, allocation_id, kind, delta_tokens, company_day)
        VALUES (allocation.company_id, p_allocation_id, 'expiry', -free,
                tokens_company_day(allocation.company_id, moment));
    END IF;
    IF rolled > 0 THEN
        PERFORM tokens_grant(
            allocation.company_id, 'rollover', p_source_id, rolled, p_priority, NULL, p_expires_at, NULL, 'renewal');
    END IF;
    RETURN rolled;
END
$$;
