CREATE OR REPLACE FUNCTION tokens_refund(
    p_usage_log_id uuid,
    p_tokens bigint,          -- NULL: all that is left to refund
    p_key text,
    p_request_hash bytea,
    p_actor_id bigint,
    p_reason_code text
) RETURNS TABLE (outcome text, refund_id uuid, tokens bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
-- Give back tokens of a charge, as a new row that corrects the usage log:
--   refunded · replayed (the key's refund) · key_conflict · too_much (tokens: what is left to refund) · not_a_charge
-- Debt that the charge left and that is still owed goes first, then the allocations it was paid from, last paid first.
-- What came from an allocation that has expired since, or repaid debt, becomes a new allocation of 30 days.
DECLARE
    account tokens_account;
    original tokens_usage_log;
    known record;
    moment timestamptz;
    today date;
    refundable bigint;
    of_debt bigint;
    homeless bigint;
    new_log uuid := uuidv7();
    new_allocation uuid;
BEGIN
    SELECT * INTO original FROM tokens_usage_log WHERE id = p_usage_log_id;
    SELECT a.* INTO account FROM tokens_account a WHERE a.company_id = original.company_id FOR NO KEY UPDATE;
    moment := clock_timestamp();
    SELECT k.result_id, k.request_hash <> p_request_hash AS differs INTO known FROM tokens_idempotency_key k
    WHERE k.company_id = original.company_id AND k.scope = 'refund' AND k.key = p_key;
    IF FOUND THEN
        RETURN QUERY SELECT CASE WHEN known.differs THEN 'key_conflict' ELSE 'replayed' END, known.result_id,
            (SELECT -log.charged_tokens FROM tokens_usage_log log WHERE log.id = known.result_id);
        RETURN;
    ELSIF original.id IS NULL OR original.kind <> 'call' THEN
        RETURN QUERY SELECT 'not_a_charge', NULL::uuid, 0::bigint;
        RETURN;
    END IF;

    SELECT original.charged_tokens - original.absorbed_tokens + coalesce(sum(log.charged_tokens), 0),
           least(account.debt_tokens, original.debt_tokens + coalesce(sum(log.debt_tokens), 0))
    INTO refundable, of_debt
    FROM tokens_usage_log log
    WHERE log.hold_id = original.hold_id AND log.kind = 'refund' AND log.corrects_id = original.id;
    p_tokens := coalesce(p_tokens, refundable);
    IF p_tokens > refundable OR p_tokens <= 0 THEN
        RETURN QUERY SELECT 'too_much', NULL::uuid, refundable;
        RETURN;
    END IF;
    of_debt := least(of_debt, p_tokens);
    today := tokens_company_day(original.company_id, moment);

    WITH paid AS (
        -- What each allocation paid of this charge and did not get back yet.
        SELECT e.allocation_id, -sum(e.delta_tokens) AS tokens
        FROM tokens_usage_log log JOIN tokens_ledger_entry e ON e.usage_log_id = log.id
        WHERE log.hold_id = original.hold_id AND (log.id = original.id OR log.corrects_id = original.id)
          AND e.kind IN ('usage', 'refund')
        GROUP BY e.allocation_id
    ), ordered AS (
        SELECT paid.allocation_id, paid.tokens, sum(paid.tokens) OVER last_paid_first - paid.tokens AS before
        FROM paid JOIN tokens_allocation a ON a.id = paid.allocation_id
        WHERE a.expires_at IS NULL OR a.expires_at > moment
        WINDOW last_paid_first AS (ORDER BY a.priority DESC, a.expires_at DESC NULLS FIRST, a.created_at DESC, a.id DESC)
    ), given AS (
        SELECT o.allocation_id, least(o.tokens, p_tokens - of_debt - o.before) AS tokens
        FROM ordered o WHERE o.before < p_tokens - of_debt AND o.tokens > 0
    ), moved AS (
        UPDATE tokens_allocation a SET used_tokens = a.used_tokens - given.tokens
        FROM given WHERE a.id = given.allocation_id
    ), entered AS (
        INSERT INTO tokens_ledger_entry (
            company_id, allocation_id, kind, delta_tokens, usage_log_id, hold_id, corrects_id, actor_id, reason_code,
            company_day)
        SELECT original.company_id, given.allocation_id, 'refund', given.tokens, new_log, original.hold_id,
               original.id, p_actor_id, p_reason_code, today
        FROM given
    )
    SELECT p_tokens - of_debt - coalesce(sum(given.tokens), 0) INTO homeless FROM given;

    INSERT INTO tokens_usage_log (
        id, company_id, hold_id, attempt_number, kind, corrects_id, operation, feature, application_id, job_id, user_id,
        api_key_id, step_id, trace_id, session_id, provider, model, key_owner, status, usage_source, started_at,
        weight, charged_tokens, debt_tokens, price_version_id, price_kind, provider_cost_usd, margin_percent,
        sale_value_usd, actor_id, reason_code, company_day)
    VALUES (
        new_log, original.company_id, original.hold_id, original.attempt_number, 'refund', original.id,
        original.operation, original.feature, original.application_id, original.job_id, original.user_id,
        original.api_key_id, original.step_id, original.trace_id, original.session_id, original.provider,
        original.model, original.key_owner, original.status, 'none', moment, original.weight, -p_tokens, -of_debt,
        original.price_version_id, original.price_kind,
        original.provider_cost_usd * 0,  -- the provider has its money: what is given back is the company's price
        original.margin_percent, -original.sale_value_usd * p_tokens / original.charged_tokens, p_actor_id,
        p_reason_code, today);

    IF of_debt > 0 THEN
        UPDATE tokens_account a SET debt_tokens = a.debt_tokens - of_debt WHERE a.company_id = original.company_id;
        INSERT INTO tokens_ledger_entry (
            company_id, kind, delta_tokens, usage_log_id, hold_id, corrects_id, actor_id, reason_code, company_day)
        VALUES (original.company_id, 'debt', of_debt, new_log, original.hold_id, original.id, p_actor_id,
                p_reason_code, today);
    END IF;
    IF homeless > 0 THEN
        INSERT INTO tokens_allocation (company_id, source, source_id, effective_at, expires_at, created_at, allocated_tokens)
        VALUES (original.company_id, 'refund', new_log, moment, moment + interval '30 days', moment, homeless)
        RETURNING id INTO new_allocation;
        INSERT INTO tokens_ledger_entry (
            company_id, allocation_id, kind, delta_tokens, usage_log_id, hold_id, corrects_id, actor_id, reason_code,
            company_day)
        VALUES (original.company_id, new_allocation, 'grant', homeless, new_log, original.hold_id, original.id,
                p_actor_id, p_reason_code, today);
    END IF;

    INSERT INTO tokens_idempotency_key (company_id, scope, key, request_hash, result_id)
    VALUES (original.company_id, 'refund', p_key, p_request_hash, new_log);
    PERFORM tokens_count_in_budgets(original.hold_id, -p_tokens, 0, today);
    IF account.debt_tokens > of_debt THEN
        PERFORM tokens_repay_debt(original.company_id);
    END IF;
    RETURN QUERY SELECT 'refunded', new_log, p_tokens;
END
$$;
