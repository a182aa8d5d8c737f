CREATE OR REPLACE FUNCTION tokens_close_hold(
    p_hold_id uuid,
    p_state text,                -- 'settled' or 'released'
    p_logs jsonb,                -- one object per attempt that reached a provider: columns of tokens_usage_log
    p_answer jsonb,              -- stored for repeats of the key, or NULL
    p_answer_days integer
) RETURNS TABLE (outcome text, charged_tokens bigint, debt_tokens bigint, absorbed_tokens bigint)
LANGUAGE plpgsql AS $$
-- End a hold: charge what was used, write one usage log per attempt and the ledger entries, store the answer, give
-- the rest back. All in one statement, once: a repeat returns the state found and changes nothing.
-- What pays, in order: the hold's own parts, then whatever else is free; what is left is debt, or is absorbed.
-- A settlement after the lease has run out finds no parts any more and is paid from the balance alone.
-- A key is charged once: when its call was made again after the lease, whichever settles first is charged and answers
-- repeats of the key from then on; the other's charge is absorbed.
DECLARE
    account tokens_account;
    hold tokens_hold;
    moment timestamptz;
    charged bigint;
    short bigint;
    is_complete boolean;
    bearer record;
    is_second boolean := false;
BEGIN
    SELECT a.* INTO account FROM tokens_account a
    JOIN tokens_hold h ON h.company_id = a.company_id WHERE h.id = p_hold_id FOR NO KEY UPDATE OF a;
    SELECT * INTO STRICT hold FROM tokens_hold WHERE id = p_hold_id;
    IF NOT (hold.state = 'open' OR (hold.state = 'expired' AND p_state = 'settled')) THEN
        RETURN QUERY SELECT hold.state::text, coalesce(hold.charged_tokens, 0), 0::bigint, 0::bigint;
        RETURN;
    END IF;
    moment := clock_timestamp();
    IF hold.key IS NOT NULL AND p_state = 'settled' THEN
        SELECT h.id, h.state = 'settled' AS is_settled INTO bearer
        FROM tokens_idempotency_key k JOIN tokens_hold h ON h.id = k.result_id
        WHERE k.company_id = hold.company_id AND k.scope = 'call' AND k.key = hold.key;
        is_second := bearer.id <> p_hold_id AND bearer.is_settled;
        IF is_second THEN
            account.overdraft_policy := 'absorb';
        ELSIF bearer.id <> p_hold_id THEN
            UPDATE tokens_idempotency_key k SET result_id = p_hold_id
            WHERE k.company_id = hold.company_id AND k.scope = 'call' AND k.key = hold.key;
        END IF;
    END IF;

    WITH sent AS (
        -- uuidv7() is volatile, so this is evaluated once and every part of the statement sees the same ids.
        SELECT uuidv7() AS new_id, log.*, sum(log.charged_tokens) OVER (ORDER BY log.attempt_number) - log.charged_tokens AS before
        FROM jsonb_populate_recordset(NULL::tokens_usage_log, p_logs) log
    ), own AS (
        SELECT part.allocation_id, part.tokens FROM tokens_hold_part part
        WHERE part.hold_id = p_hold_id AND hold.state = 'open'
    ), purse AS (
        SELECT own.allocation_id, own.tokens, 0 AS tier, row_number() OVER (ORDER BY a.priority, a.expires_at NULLS LAST, a.created_at, a.id) AS rank
        FROM own JOIN tokens_allocation a ON a.id = own.allocation_id
        UNION ALL
        SELECT f.id, f.free, 1, f.burn_rank FROM tokens_free_tokens(hold.company_id, moment) f
    ), ordered AS (
        SELECT purse.*, sum(purse.tokens) OVER (ORDER BY purse.tier, purse.rank) - purse.tokens AS before
        FROM purse WHERE NOT is_second
    ), payment AS (
        -- Lay the charges end to end, and beside them the purses: what overlaps is what each purse pays of each log.
        SELECT sent.new_id, sent.attempt_number, ordered.allocation_id,
               sum(least(sent.before + sent.charged_tokens, ordered.before + ordered.tokens)
                   - greatest(sent.before, ordered.before))::bigint AS tokens
        FROM sent JOIN ordered
          ON sent.before < ordered.before + ordered.tokens AND ordered.before < sent.before + sent.charged_tokens
         AND sent.charged_tokens > 0
        GROUP BY sent.new_id, sent.attempt_number, ordered.allocation_id
    ), result AS (
        SELECT sent.*, sent.charged_tokens - coalesce((
            SELECT sum(payment.tokens) FROM payment WHERE payment.new_id = sent.new_id), 0) AS unpaid
        FROM sent
    ), moved AS (
        UPDATE tokens_allocation a
        SET used_tokens = a.used_tokens + coalesce(paid.tokens, 0), held_tokens = a.held_tokens - coalesce(own.tokens, 0)
        FROM (SELECT p.allocation_id, sum(p.tokens) AS tokens FROM payment p GROUP BY p.allocation_id) paid
        FULL JOIN own USING (allocation_id)
        WHERE a.id = coalesce(paid.allocation_id, own.allocation_id)
    ), logged AS (
        INSERT INTO tokens_usage_log (
            id, company_id, hold_id, attempt_number, kind, operation, feature, application_id, job_id, user_id,
            api_key_id, step_id, trace_id, session_id, metadata, provider, model, response_model, service_tier,
            provider_request_id, key_owner, streamed, prompt_version, status, error_code, finish_reason, usage_source,
            started_at, duration_ms, input_tokens, output_tokens, input_uncached_tokens, cache_read_tokens,
            cache_write_short_tokens, cache_write_long_tokens, input_audio_tokens, input_image_tokens,
            output_reasoning_tokens, output_audio_tokens, output_image_tokens, tool_requests, weight,
            weight_version_id, charged_tokens, debt_tokens, absorbed_tokens, price_version_id, price_kind,
            provider_cost_usd, margin_percent, sale_value_usd, file_bytes, item_count, media_seconds, succeeded,
            company_day)
        SELECT r.new_id, hold.company_id, p_hold_id, r.attempt_number, 'call', hold.operation, hold.feature,
            hold.application_id, hold.job_id, hold.user_id, hold.api_key_id, hold.step_id, hold.trace_id,
            hold.session_id, coalesce(r.metadata, '{}'), t.provider, t.model, coalesce(r.response_model, ''),
            coalesce(r.service_tier, ''), coalesce(r.provider_request_id, ''), coalesce(r.key_owner, 'platform'),
            coalesce(r.streamed, false), coalesce(r.prompt_version, ''), r.status, coalesce(r.error_code, ''),
            coalesce(r.finish_reason, ''), r.usage_source, t.started_at, r.duration_ms, coalesce(r.input_tokens, 0),
            coalesce(r.output_tokens, 0), coalesce(r.input_uncached_tokens, 0), coalesce(r.cache_read_tokens, 0),
            coalesce(r.cache_write_short_tokens, 0), coalesce(r.cache_write_long_tokens, 0),
            coalesce(r.input_audio_tokens, 0), coalesce(r.input_image_tokens, 0),
            coalesce(r.output_reasoning_tokens, 0), coalesce(r.output_audio_tokens, 0),
            coalesce(r.output_image_tokens, 0), coalesce(r.tool_requests, 0), coalesce(r.weight, 1),
            r.weight_version_id, r.charged_tokens,
            CASE account.overdraft_policy WHEN 'debt' THEN r.unpaid ELSE 0 END,
            CASE account.overdraft_policy WHEN 'debt' THEN 0 ELSE r.unpaid END,
            r.price_version_id, coalesce(r.price_kind, 'unpriced'), r.provider_cost_usd, r.margin_percent,
            r.sale_value_usd, r.file_bytes, r.item_count, r.media_seconds, r.succeeded, hold.company_day
        FROM result r JOIN tokens_attempt t ON t.hold_id = p_hold_id AND t.number = r.attempt_number
        RETURNING 1
    ), reversed AS (
        -- An attempt that was given up as unknown has spoken after all: take the estimate back out of the sums.
        INSERT INTO tokens_usage_log (
            company_id, hold_id, attempt_number, kind, corrects_id, operation, feature, application_id, job_id, user_id,
            api_key_id, step_id, trace_id, session_id, provider, model, status, usage_source, started_at, price_kind,
            provider_cost_usd, reason_code, company_day)
        SELECT u.company_id, u.hold_id, u.attempt_number, 'reconciliation', u.id, u.operation, u.feature,
            u.application_id, u.job_id, u.user_id, u.api_key_id, u.step_id, u.trace_id, u.session_id, u.provider,
            u.model, u.status, 'none', moment, u.price_kind, -u.provider_cost_usd, 'settled_late', u.company_day
        FROM result r
        JOIN tokens_attempt t ON t.hold_id = p_hold_id AND t.number = r.attempt_number AND t.state = 'unknown'
        JOIN tokens_usage_log u ON u.id = t.usage_log_id
    ), entered AS (
        INSERT INTO tokens_ledger_entry (
            company_id, allocation_id, kind, delta_tokens, usage_log_id, hold_id, company_day)
        SELECT hold.company_id, payment.allocation_id, 'usage', -payment.tokens, payment.new_id, p_hold_id, hold.company_day
        FROM payment
        UNION ALL
        SELECT hold.company_id, NULL, 'debt', -r.unpaid, r.new_id, p_hold_id, hold.company_day
        FROM result r WHERE r.unpaid > 0 AND account.overdraft_policy = 'debt'
    ), ended AS (
        UPDATE tokens_attempt t
        SET state = r.status, error_code = coalesce(r.error_code, ''), ended_at = moment, usage_log_id = r.new_id
        FROM result r WHERE t.hold_id = p_hold_id AND t.number = r.attempt_number
    )
    SELECT coalesce(sum(result.charged_tokens), 0), coalesce(sum(result.unpaid), 0),
           count(DISTINCT result.attempt_number) = count(*) AND count(*) = (SELECT count(*) FROM logged)
    INTO charged, short, is_complete FROM result;
    IF NOT is_complete THEN
        RAISE EXCEPTION 'each usage log of hold % must name one of its attempts, and each another', p_hold_id
            USING ERRCODE = 'check_violation';
    END IF;

    UPDATE tokens_hold h SET state = p_state, charged_tokens = charged, ended_at = moment WHERE h.id = p_hold_id;
    PERFORM tokens_count_in_budgets(
        p_hold_id, charged, CASE hold.state WHEN 'open' THEN -hold.held_tokens ELSE 0 END);
    -- An attempt without a log never reached its provider.
    UPDATE tokens_attempt t SET state = 'not_sent', ended_at = moment WHERE t.hold_id = p_hold_id AND t.state = 'open';
    IF p_answer IS NOT NULL THEN
        INSERT INTO tokens_answer (hold_id, content, erase_after)
        VALUES (p_hold_id, p_answer, moment + make_interval(days => p_answer_days));
    END IF;
    IF account.overdraft_policy = 'debt' AND short > 0 THEN
        UPDATE tokens_account a SET debt_tokens = a.debt_tokens + short WHERE a.company_id = hold.company_id;
    ELSIF account.debt_tokens > 0 THEN
        PERFORM tokens_repay_debt(hold.company_id);
    END IF;

    RETURN QUERY SELECT 'closed', charged,
        CASE account.overdraft_policy WHEN 'debt' THEN short ELSE 0 END,
        CASE account.overdraft_policy WHEN 'debt' THEN 0 ELSE short END;
END
$$;
