CREATE OR REPLACE FUNCTION tokens_mark_unknown(p_hold_id uuid) RETURNS integer
LANGUAGE plpgsql AS $$
-- Close the books on the open attempts of an expired hold: nobody can know what the provider counted. The company
-- pays nothing; what the platform may owe is the estimate made before sending. Returns how many attempts.
DECLARE
    marked integer;
BEGIN
    PERFORM 1 FROM tokens_account a
    JOIN tokens_hold h ON h.company_id = a.company_id WHERE h.id = p_hold_id FOR NO KEY UPDATE OF a;
    WITH open_attempt AS (
        SELECT uuidv7() AS new_id, t.*, h.company_id, h.operation, h.feature, h.application_id, h.job_id, h.user_id,
               h.api_key_id, h.step_id, h.trace_id, h.session_id, h.company_day, h.key_owner
        FROM tokens_attempt t JOIN tokens_hold h ON h.id = t.hold_id
        WHERE t.hold_id = p_hold_id AND t.state = 'open' AND h.state = 'expired'
    ), logged AS (
        INSERT INTO tokens_usage_log (
            id, company_id, hold_id, attempt_number, kind, operation, feature, application_id, job_id, user_id,
            api_key_id, step_id, trace_id, session_id, provider, model, key_owner, status, error_code, usage_source,
            started_at, price_kind, provider_cost_usd, company_day)
        SELECT new_id, company_id, hold_id, number, 'call', operation, feature, application_id, job_id, user_id,
               api_key_id, step_id, trace_id, session_id, provider, model, key_owner, 'unknown', 'process_died', 'none',
               started_at,
               CASE WHEN key_owner = 'company' THEN 'own_key'
                    WHEN estimated_cost_usd IS NULL THEN 'unpriced' ELSE estimated_price_kind END,
               CASE WHEN key_owner = 'company' THEN 0 ELSE estimated_cost_usd END, company_day
        FROM open_attempt
    )
    UPDATE tokens_attempt t SET state = 'unknown', ended_at = clock_timestamp(), usage_log_id = o.new_id
    FROM open_attempt o WHERE t.hold_id = o.hold_id AND t.number = o.number;
    GET DIAGNOSTICS marked = ROW_COUNT;
    RETURN marked;
END
$$;
