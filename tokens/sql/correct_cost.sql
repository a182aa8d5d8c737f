CREATE OR REPLACE FUNCTION tokens_correct_cost(
    p_usage_log_id uuid,
    p_kind text,                  -- 'rerating' or 'reconciliation'
    p_cost_delta_usd numeric,
    p_sale_delta_usd numeric,
    p_price_version_id uuid,
    p_price_kind text,
    p_key text,
    p_request_hash bytea,
    p_actor_id bigint,
    p_reason_code text
) RETURNS TABLE (outcome text, correction_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
-- Correct the money of a usage log by a row of signed amounts; tokens and balance stay:
--   corrected · replayed · key_conflict · not_found
DECLARE
    original tokens_usage_log;
    known record;
    new_log uuid;
BEGIN
    SELECT * INTO original FROM tokens_usage_log WHERE id = p_usage_log_id;
    PERFORM 1 FROM tokens_account a WHERE a.company_id = original.company_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'not_found', NULL::uuid;
        RETURN;
    END IF;
    SELECT k.result_id, k.request_hash <> p_request_hash AS differs INTO known FROM tokens_idempotency_key k
    WHERE k.company_id = original.company_id AND k.scope = p_kind AND k.key = p_key;
    IF FOUND THEN
        RETURN QUERY SELECT CASE WHEN known.differs THEN 'key_conflict' ELSE 'replayed' END, known.result_id;
        RETURN;
    END IF;
    INSERT INTO tokens_usage_log (
        company_id, hold_id, attempt_number, kind, corrects_id, operation, feature, application_id, job_id, user_id,
        api_key_id, step_id, trace_id, session_id, provider, model, key_owner, status, usage_source, started_at,
        weight, price_version_id, price_kind, provider_cost_usd, margin_percent, sale_value_usd, actor_id, reason_code,
        company_day)
    VALUES (
        original.company_id, original.hold_id, original.attempt_number, p_kind, original.id, original.operation,
        original.feature, original.application_id, original.job_id, original.user_id, original.api_key_id,
        original.step_id, original.trace_id, original.session_id, original.provider, original.model,
        original.key_owner, original.status, 'none', clock_timestamp(), original.weight, p_price_version_id,
        p_price_kind, p_cost_delta_usd, original.margin_percent, p_sale_delta_usd, p_actor_id, p_reason_code,
        tokens_company_day(original.company_id, clock_timestamp()))
    RETURNING id INTO new_log;
    INSERT INTO tokens_idempotency_key (company_id, scope, key, request_hash, result_id)
    VALUES (original.company_id, p_kind, p_key, p_request_hash, new_log);
    RETURN QUERY SELECT 'corrected', new_log;
END
$$;
