CREATE OR REPLACE FUNCTION tokens_grant(
    p_company_id bigint,
    p_source text,
    p_source_id text,              -- a period or purchase is granted once; NULL: no such thing stands behind it
    p_tokens bigint,
    p_priority integer,
    p_effective_at timestamptz,    -- NULL: now
    p_expires_at timestamptz,
    p_actor_id bigint,
    p_reason_code text
) RETURNS TABLE (allocation_id uuid, created boolean, differs boolean)
LANGUAGE plpgsql AS $$
-- Grant tokens and repay debt from them. The same source grants once: a repeat returns the first allocation, and
-- whether it was of another amount.
DECLARE
    moment timestamptz;
    new_allocation uuid;
    debt bigint;
BEGIN
    INSERT INTO tokens_account (company_id) VALUES (p_company_id) ON CONFLICT DO NOTHING;
    SELECT a.debt_tokens INTO debt FROM tokens_account a WHERE a.company_id = p_company_id FOR NO KEY UPDATE;
    moment := clock_timestamp();
    INSERT INTO tokens_allocation (
        company_id, source, source_id, priority, effective_at, expires_at, created_at, allocated_tokens)
    VALUES (
        p_company_id, p_source, p_source_id, p_priority, coalesce(p_effective_at, moment), p_expires_at, moment, p_tokens)
    ON CONFLICT (company_id, source, source_id) DO NOTHING
    RETURNING id INTO new_allocation;
    IF new_allocation IS NULL THEN
        RETURN QUERY SELECT a.id, false, a.allocated_tokens <> p_tokens FROM tokens_allocation a
        WHERE a.company_id = p_company_id AND a.source = p_source AND a.source_id = p_source_id;
        RETURN;
    END IF;
    INSERT INTO tokens_ledger_entry (
        company_id, allocation_id, kind, delta_tokens, actor_id, reason_code, company_day)
    VALUES (
        p_company_id, new_allocation, 'grant', p_tokens, p_actor_id, p_reason_code,
        tokens_company_day(p_company_id, moment));
    IF debt > 0 THEN
        PERFORM tokens_repay_debt(p_company_id);
    END IF;
    RETURN QUERY SELECT new_allocation, true, false;
END
$$;
