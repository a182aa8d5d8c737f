CREATE OR REPLACE FUNCTION tokens_roll_over(
    p_company_id bigint, p_allocation_ids uuid[], p_max_tokens bigint, p_source_id text, p_priority integer,
    p_expires_at timestamptz
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
-- At renewal: end allocations, and grant what was free on them anew, together at most p_max_tokens; returns the tokens
-- rolled over. In one statement, so that no moment sees the tokens twice. What the sweeper wrote off between their
-- expiry and the renewal counts as free: so an allocation is rolled over once, whatever the source; and a source once.
DECLARE
    moment timestamptz;
    unused bigint;
    rolled bigint;
BEGIN
    PERFORM 1 FROM tokens_account WHERE company_id = p_company_id FOR NO KEY UPDATE;
    SELECT a.allocated_tokens INTO rolled FROM tokens_allocation a
    WHERE a.company_id = p_company_id AND a.source = 'rollover' AND a.source_id = p_source_id;
    IF FOUND THEN
        RETURN rolled;
    END IF;
    moment := clock_timestamp();
    WITH first_time AS (
        INSERT INTO tokens_idempotency_key (company_id, scope, key, request_hash, result_id)
        SELECT p_company_id, 'rollover', id::text, '', id
        FROM tokens_allocation WHERE company_id = p_company_id AND id = ANY (p_allocation_ids)
        ON CONFLICT DO NOTHING
        RETURNING result_id
    )
    SELECT coalesce(sum(allocated_tokens - used_tokens - held_tokens - revoked_tokens), 0) INTO unused
    FROM tokens_allocation JOIN first_time ON result_id = id;

    WITH ending AS (
        SELECT id, allocated_tokens - used_tokens - held_tokens - expired_tokens - revoked_tokens AS free
        FROM tokens_allocation WHERE company_id = p_company_id AND id = ANY (p_allocation_ids)
    ), ended AS (
        UPDATE tokens_allocation a
        SET expired_tokens = a.expired_tokens + ending.free,
            expires_at = least(a.expires_at, greatest(moment, a.effective_at + interval '1 microsecond'))
        FROM ending WHERE a.id = ending.id
    )
    INSERT INTO tokens_ledger_entry (company_id, allocation_id, kind, delta_tokens, company_day)
    SELECT p_company_id, ending.id, 'expiry', -ending.free, tokens_company_day(p_company_id, moment)
    FROM ending WHERE ending.free > 0;

    rolled := least(unused, p_max_tokens);
    IF rolled > 0 THEN
        PERFORM tokens_grant(
            p_company_id, 'rollover', p_source_id, rolled, p_priority, NULL, p_expires_at, NULL, 'renewal');
    END IF;
    RETURN rolled;
END
$$;
