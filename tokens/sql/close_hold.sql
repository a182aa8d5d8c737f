CREATE OR REPLACE FUNCTION tokens_pay_charges(
    p_hold tokens_hold,
    p_log_ids uuid[],
    p_tokens bigint[],           -- what the balance pays of each of these usage logs, above zero
    p_moment timestamptz
) RETURNS void
LANGUAGE sql AS $$
    -- Pay usage logs from the parts of their hold, then from whatever else is free, and give back the rest of the
    -- parts. The caller holds the lock on the account and has made sure that the tokens are there.
    WITH sent AS (
        SELECT log.id, log.tokens, sum(log.tokens) OVER (ORDER BY log.place) - log.tokens AS before
        FROM unnest(p_log_ids, p_tokens) WITH ORDINALITY log (id, tokens, place)
    ), own AS (
        SELECT part.allocation_id, part.tokens FROM tokens_hold_part part
        WHERE part.hold_id = p_hold.id AND p_hold.state = 'open'
    ), purse AS (
        SELECT own.allocation_id, own.tokens, 0 AS tier,
               row_number() OVER (ORDER BY a.priority, a.expires_at NULLS LAST, a.created_at, a.id) AS rank
        FROM own JOIN tokens_allocation a ON a.id = own.allocation_id
        UNION ALL
        SELECT f.id, f.free, 1, f.burn_rank FROM tokens_free_tokens(p_hold.company_id, p_moment) f
    ), ordered AS (
        SELECT purse.*, sum(purse.tokens) OVER (ORDER BY purse.tier, purse.rank) - purse.tokens AS before FROM purse
    ), payment AS (
        -- Lay the charges end to end, and beside them the purses: what overlaps is what each purse pays of each log.
        SELECT sent.id AS log_id, ordered.allocation_id,
               sum(least(sent.before + sent.tokens, ordered.before + ordered.tokens)
                   - greatest(sent.before, ordered.before))::bigint AS tokens
        FROM sent JOIN ordered
          ON sent.before < ordered.before + ordered.tokens AND ordered.before < sent.before + sent.tokens
        GROUP BY sent.id, ordered.allocation_id
    ), moved AS (
        UPDATE tokens_allocation a
        SET used_tokens = a.used_tokens + coalesce(paid.tokens, 0), held_tokens = a.held_tokens - coalesce(own.tokens, 0)
        FROM (SELECT p.allocation_id, sum(p.tokens) AS tokens FROM payment p GROUP BY p.allocation_id) paid
        FULL JOIN own USING (allocation_id)
        WHERE a.id = coalesce(paid.allocation_id, own.allocation_id)
    )
    INSERT INTO tokens_ledger_entry (company_id, allocation_id, kind, delta_tokens, usage_log_id, hold_id, company_day)
    SELECT p_hold.company_id, payment.allocation_id, 'usage', -payment.tokens, payment.log_id, p_hold.id, p_hold.company_day
    FROM payment
$$;

CREATE OR REPLACE FUNCTION tokens_close_hold(
    p_hold_id uuid,
    p_state text,                -- 'settled' or 'released'
    p_logs jsonb,                -- one object per attempt that reached a provider: columns of tokens_usage_log
    p_answer jsonb,              -- stored for repeats of the key, or NULL
    p_answer_days integer,
    p_may_wait boolean DEFAULT true   -- for the company's turn; see tokens_take_turn
) RETURNS TABLE (
    outcome text, charged_tokens bigint, debt_tokens bigint, absorbed_tokens bigint, available_tokens bigint)
LANGUAGE plpgsql AS $$
-- End a hold: charge what was used, write one usage log per attempt and the ledger entries, store the answer, give
-- the rest back. All in one statement, once: a repeat returns the state found and changes nothing.
-- What pays, in order: the hold's own parts, then whatever else is free; what is left is debt, or is absorbed.
-- A settlement after the lease has run out finds no parts any more and is paid from the balance alone.
-- A key is charged once: when its call was made again after the lease, whichever settles first is charged and answers
-- repeats of the key from then on; the other's charge is absorbed.
-- A call on the company's own key is charged nothing and costs the platform nothing: what it would have been charged
-- stands in own_key_tokens, and counts in budgets.
-- available_tokens: what the company has left for new calls, NULL for a repeat.
DECLARE
    company bigint;
    account tokens_account;
    hold tokens_hold;
    attempt tokens_attempt;
    bearer record;               -- the hold that the key stands for
    log record;
    moment timestamptz;
    is_own boolean;              -- on the company's own key
    reserved bigint;             -- on budgets
    held bigint;                 -- on allocations
    payable bigint;              -- what the hold and the balance can still pay
    unheld bigint;               -- what they had before that, together
    charged bigint := 0;
    own bigint := 0;             -- of what was used: on the company's own key
    short bigint := 0;           -- of what was charged: what found no balance
    logs integer := jsonb_array_length(p_logs);
    paid_logs uuid[] := '{}';
    paid_tokens bigint[] := '{}';
    short_logs uuid[] := '{}';
    short_tokens bigint[] := '{}';
    payer uuid;
BEGIN
    SELECT h.company_id INTO STRICT company FROM tokens_hold h WHERE h.id = p_hold_id;
    account := tokens_take_turn(company, p_may_wait);
    IF account.company_id IS NULL THEN  -- nothing was done
        RETURN QUERY SELECT 'busy', 0::bigint, 0::bigint, 0::bigint, NULL::bigint;
        RETURN;
    END IF;
    SELECT * INTO hold FROM tokens_hold WHERE id = p_hold_id;
    IF NOT (hold.state = 'open' OR (hold.state = 'expired' AND p_state = 'settled')) THEN
        RETURN QUERY SELECT hold.state::text, coalesce(hold.charged_tokens, 0), 0::bigint, 0::bigint, NULL::bigint;
        RETURN;
    END IF;
    moment := clock_timestamp();
    is_own := hold.key_owner = 'company';
    reserved := CASE hold.state WHEN 'open' THEN hold.held_tokens ELSE 0 END;
    held := CASE WHEN is_own THEN 0 ELSE reserved END;
    SELECT held + coalesce(sum(f.free), 0) INTO payable FROM tokens_free_tokens(company, moment) f;
    unheld := payable;
    IF hold.key IS NOT NULL AND p_state = 'settled' THEN
        SELECT h.id, h.state = 'settled' AS is_settled INTO bearer
        FROM tokens_idempotency_key k JOIN tokens_hold h ON h.id = k.result_id
        WHERE k.company_id = company AND k.scope = 'call' AND k.key = hold.key;
        IF bearer.id <> p_hold_id AND bearer.is_settled THEN
            account.overdraft_policy := 'absorb';
            payable := 0;
        ELSIF bearer.id <> p_hold_id THEN
            UPDATE tokens_idempotency_key k SET result_id = p_hold_id
            WHERE k.company_id = company AND k.scope = 'call' AND k.key = hold.key;
        END IF;
    END IF;

    FOR attempt IN SELECT * FROM tokens_attempt t WHERE t.hold_id = p_hold_id ORDER BY t.number LOOP
        INSERT INTO tokens_usage_log AS new (
            company_id, hold_id, attempt_number, kind, operation, feature, application_id, job_id, user_id,
            api_key_id, step_id, trace_id, session_id, metadata, provider, model, response_model, service_tier,
            provider_request_id, key_owner, streamed, prompt_version, status, error_code, finish_reason, usage_source,
            started_at, duration_ms, input_tokens, output_tokens, input_uncached_tokens, cache_read_tokens,
            cache_write_short_tokens, cache_write_long_tokens, input_audio_tokens, input_image_tokens,
            output_reasoning_tokens, output_audio_tokens, output_image_tokens, tool_requests, weight,
            weight_version_id, charged_tokens, own_key_tokens, debt_tokens, absorbed_tokens, price_version_id, price_kind,
            provider_cost_usd, margin_percent, sale_value_usd, file_bytes, item_count, media_seconds, succeeded,
            company_day)
        SELECT company, p_hold_id, attempt.number, 'call', hold.operation, hold.feature, hold.application_id,
            hold.job_id, hold.user_id, hold.api_key_id, hold.step_id, hold.trace_id, hold.session_id,
            coalesce(r.metadata, '{}'), attempt.provider, attempt.model, coalesce(r.response_model, ''),
            coalesce(r.service_tier, ''), coalesce(r.provider_request_id, ''), hold.key_owner,
            coalesce(r.streamed, false), coalesce(r.prompt_version, ''), r.status, coalesce(r.error_code, ''),
            coalesce(r.finish_reason, ''), r.usage_source, attempt.started_at, r.duration_ms,
            coalesce(r.input_tokens, 0), coalesce(r.output_tokens, 0), coalesce(r.input_uncached_tokens, 0),
            coalesce(r.cache_read_tokens, 0), coalesce(r.cache_write_short_tokens, 0),
            coalesce(r.cache_write_long_tokens, 0), coalesce(r.input_audio_tokens, 0),
            coalesce(r.input_image_tokens, 0), coalesce(r.output_reasoning_tokens, 0),
            coalesce(r.output_audio_tokens, 0), coalesce(r.output_image_tokens, 0), coalesce(r.tool_requests, 0),
            coalesce(r.weight, 1), r.weight_version_id, due.tokens, coalesce(r.charged_tokens, 0) - due.tokens,
            CASE account.overdraft_policy WHEN 'debt' THEN unpaid.tokens ELSE 0 END,
            CASE account.overdraft_policy WHEN 'debt' THEN 0 ELSE unpaid.tokens END,
            CASE WHEN NOT is_own THEN r.price_version_id END,
            CASE WHEN is_own THEN 'own_key' ELSE coalesce(r.price_kind, 'unpriced') END,
            CASE WHEN is_own THEN 0 ELSE r.provider_cost_usd END,
            CASE WHEN NOT is_own THEN r.margin_percent END,
            CASE WHEN is_own THEN 0 ELSE r.sale_value_usd END, r.file_bytes, r.item_count, r.media_seconds, r.succeeded, hold.company_day
        FROM jsonb_populate_recordset(NULL::tokens_usage_log, p_logs) r
        CROSS JOIN LATERAL (SELECT CASE WHEN is_own THEN 0 ELSE coalesce(r.charged_tokens, 0) END AS tokens) due
        CROSS JOIN LATERAL (SELECT greatest(0, due.tokens - payable) AS tokens) unpaid
        WHERE r.attempt_number = attempt.number LIMIT 1
        RETURNING new.id, new.status, new.error_code, new.charged_tokens AS charged, new.own_key_tokens AS own,
            new.debt_tokens + new.absorbed_tokens AS unpaid INTO log;
        UPDATE tokens_attempt t  -- an attempt without a log never reached its provider
        SET state = coalesce(log.status, 'not_sent'), error_code = coalesce(log.error_code, ''), ended_at = moment,
            usage_log_id = log.id
        WHERE t.hold_id = p_hold_id AND t.number = attempt.number AND (t.state = 'open' OR log.id IS NOT NULL);
        CONTINUE WHEN log.id IS NULL;
        logs := logs - 1;
        charged := charged + log.charged;
        own := own + log.own;
        short := short + log.unpaid;
        payable := payable - (log.charged - log.unpaid);
        IF log.charged > log.unpaid THEN
            paid_logs := paid_logs || log.id;
            paid_tokens := paid_tokens || log.charged - log.unpaid;
        END IF;
        IF log.unpaid > 0 THEN
            short_logs := short_logs || log.id;
            short_tokens := short_tokens || log.unpaid;
        END IF;
        IF attempt.state = 'unknown' THEN
            -- An attempt that was given up as unknown has spoken after all: take the estimate back out of the sums.
            INSERT INTO tokens_usage_log (
                company_id, hold_id, attempt_number, kind, corrects_id, operation, feature, application_id, job_id,
                user_id, api_key_id, step_id, trace_id, session_id, provider, model, key_owner, status, usage_source,
                started_at, price_kind, provider_cost_usd, reason_code, company_day)
            SELECT u.company_id, u.hold_id, u.attempt_number, 'reconciliation', u.id, u.operation, u.feature,
                u.application_id, u.job_id, u.user_id, u.api_key_id, u.step_id, u.trace_id, u.session_id, u.provider,
                u.model, u.key_owner, u.status, 'none', moment, u.price_kind, -u.provider_cost_usd, 'settled_late', u.company_day
            FROM tokens_usage_log u WHERE u.id = attempt.usage_log_id;
        END IF;
    END LOOP;
    IF logs <> 0 THEN
        RAISE EXCEPTION 'each usage log of hold % must name one of its attempts, and each another', p_hold_id
            USING ERRCODE = 'check_violation';
    END IF;

    -- One allocation held it all and pays it all: so it is nearly always.
    UPDATE tokens_allocation a SET used_tokens = a.used_tokens + charged, held_tokens = a.held_tokens - held
    FROM tokens_hold_part part
    WHERE part.hold_id = p_hold_id AND part.tokens = held AND a.id = part.allocation_id
      AND charged <= held AND short = 0
    RETURNING a.id INTO payer;
    IF payer IS NULL AND NOT is_own THEN
        PERFORM tokens_pay_charges(hold, paid_logs, paid_tokens, moment);
    ELSE
        INSERT INTO tokens_ledger_entry (
            company_id, allocation_id, kind, delta_tokens, usage_log_id, hold_id, company_day)
        SELECT company, payer, 'usage', -paid.tokens, paid.log_id, p_hold_id, hold.company_day
        FROM unnest(paid_logs, paid_tokens) paid (log_id, tokens);
    END IF;

    UPDATE tokens_hold h SET state = p_state, charged_tokens = charged, ended_at = moment WHERE h.id = p_hold_id;
    IF EXISTS (SELECT FROM tokens_budget b WHERE b.company_id = company) THEN
        PERFORM tokens_count_in_budgets(p_hold_id, charged + own, -reserved);
    END IF;
    IF p_answer IS NOT NULL THEN
        INSERT INTO tokens_answer (hold_id, content, erase_after)
        VALUES (p_hold_id, p_answer, moment + make_interval(days => p_answer_days));
    END IF;
    IF account.overdraft_policy = 'debt' AND short > 0 THEN
        INSERT INTO tokens_ledger_entry (company_id, kind, delta_tokens, usage_log_id, hold_id, company_day)
        SELECT company, 'debt', -owed.tokens, owed.log_id, p_hold_id, hold.company_day
        FROM unnest(short_logs, short_tokens) owed (log_id, tokens);
        UPDATE tokens_account a SET debt_tokens = a.debt_tokens + short WHERE a.company_id = company;
    ELSIF account.debt_tokens > 0 THEN
        PERFORM tokens_repay_debt(company);
    END IF;

    outcome := 'closed';
    charged_tokens := charged;
    debt_tokens := CASE account.overdraft_policy WHEN 'debt' THEN short ELSE 0 END;
    absorbed_tokens := short - debt_tokens;
    available_tokens := greatest(0, unheld - (charged - short) - account.debt_tokens - debt_tokens);
    RETURN NEXT;
END
$$;
