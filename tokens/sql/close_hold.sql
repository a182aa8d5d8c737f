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
               tokens_burn_rank_of(a.priority, a.expires_at, a.created_at, a.id) AS rank
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
    hold record;                 -- with what is free, whether there are budgets, and the hold that its key stands for
    attempt record;
    told tokens_usage_log;       -- what p_logs says of an attempt
    untold tokens_usage_log;     -- where it says nothing
    log_id uuid;
    due bigint;                  -- for the attempt, from the balance
    unpaid bigint;               -- of that
    moment timestamptz;
    is_own boolean;              -- on the company's own key
    reserved bigint;             -- on budgets
    held bigint;                 -- on allocations
    payable bigint;              -- what the hold and the balance can still pay
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
    moment := clock_timestamp();
    SELECT h.*, (SELECT coalesce(sum(f.free), 0)::bigint FROM tokens_free_tokens(company, moment) f) AS free,
           EXISTS (SELECT FROM tokens_budget b WHERE b.company_id = company) AS has_budgets,
           (SELECT k.result_id FROM tokens_idempotency_key k
            WHERE k.company_id = company AND k.scope = 'call' AND k.key = h.key) AS bearer
    INTO hold FROM tokens_hold h WHERE h.id = p_hold_id;
    IF NOT (hold.state = 'open' OR (hold.state = 'expired' AND p_state = 'settled')) THEN
        RETURN QUERY SELECT hold.state::text, coalesce(hold.charged_tokens, 0), 0::bigint, 0::bigint, NULL::bigint;
        RETURN;
    END IF;
    is_own := hold.key_owner = 'company';
    reserved := CASE hold.state WHEN 'open' THEN hold.held_tokens ELSE 0 END;
    held := CASE WHEN is_own THEN 0 ELSE reserved END;
    payable := held + hold.free;
    IF hold.bearer <> p_hold_id AND p_state = 'settled' THEN
        IF EXISTS (SELECT FROM tokens_hold h WHERE h.id = hold.bearer AND h.state = 'settled') THEN
            account.overdraft_policy := 'absorb';
            payable := 0;
        ELSE
            UPDATE tokens_idempotency_key k SET result_id = p_hold_id
            WHERE k.company_id = company AND k.scope = 'call' AND k.key = hold.key;
        END IF;
    END IF;

    untold.kind := 'call';  -- so that it is a row, and what is not told is not looked up
    FOR attempt IN
        SELECT t.number, t.state, t.provider, t.model, t.started_at, t.usage_log_id
        FROM tokens_attempt t WHERE t.hold_id = p_hold_id ORDER BY t.number
    LOOP
        told := jsonb_populate_record(untold, jsonb_path_query_first(
            p_logs, '$[*] ? (@.attempt_number == $number)', jsonb_build_object('number', attempt.number)));
        IF told.attempt_number IS NULL THEN  -- it never reached its provider
            UPDATE tokens_attempt t SET state = 'not_sent', ended_at = moment
            WHERE t.hold_id = p_hold_id AND t.number = attempt.number AND t.state = 'open';
            CONTINUE;
        END IF;
        due := CASE WHEN is_own THEN 0 ELSE coalesce(told.charged_tokens, 0) END;
        unpaid := greatest(0, due - payable);
        INSERT INTO tokens_usage_log (
            company_id, hold_id, attempt_number, kind, operation, feature, application_id, job_id, user_id,
            api_key_id, step_id, trace_id, session_id, metadata, provider, model, response_model, service_tier,
            provider_request_id, key_owner, streamed, prompt_version, status, error_code, finish_reason, usage_source,
            started_at, duration_ms, input_tokens, output_tokens, input_uncached_tokens, cache_read_tokens,
            cache_write_short_tokens, cache_write_long_tokens, input_audio_tokens, input_image_tokens,
            output_reasoning_tokens, output_audio_tokens, output_image_tokens, tool_requests, weight,
            weight_version_id, charged_tokens, own_key_tokens, debt_tokens, absorbed_tokens, price_version_id, price_kind,
            provider_cost_usd, margin_percent, sale_value_usd, file_bytes, item_count, media_seconds, succeeded,
            company_day)
        VALUES (
            company, p_hold_id, attempt.number, 'call', hold.operation, hold.feature, hold.application_id,
            hold.job_id, hold.user_id, hold.api_key_id, hold.step_id, hold.trace_id, hold.session_id,
            coalesce(told.metadata, '{}'), attempt.provider, attempt.model, coalesce(told.response_model, ''),
            coalesce(told.service_tier, ''), coalesce(told.provider_request_id, ''), hold.key_owner,
            coalesce(told.streamed, false), coalesce(told.prompt_version, ''), told.status,
            coalesce(told.error_code, ''), coalesce(told.finish_reason, ''), told.usage_source, attempt.started_at,
            told.duration_ms, coalesce(told.input_tokens, 0), coalesce(told.output_tokens, 0),
            coalesce(told.input_uncached_tokens, 0), coalesce(told.cache_read_tokens, 0),
            coalesce(told.cache_write_short_tokens, 0), coalesce(told.cache_write_long_tokens, 0),
            coalesce(told.input_audio_tokens, 0), coalesce(told.input_image_tokens, 0),
            coalesce(told.output_reasoning_tokens, 0), coalesce(told.output_audio_tokens, 0),
            coalesce(told.output_image_tokens, 0), coalesce(told.tool_requests, 0), coalesce(told.weight, 1),
            told.weight_version_id, due, coalesce(told.charged_tokens, 0) - due,
            CASE account.overdraft_policy WHEN 'debt' THEN unpaid ELSE 0 END,
            CASE account.overdraft_policy WHEN 'debt' THEN 0 ELSE unpaid END,
            CASE WHEN NOT is_own THEN told.price_version_id END,
            CASE WHEN is_own THEN 'own_key' ELSE coalesce(told.price_kind, 'unpriced') END,
            CASE WHEN is_own THEN 0 ELSE told.provider_cost_usd END,
            CASE WHEN NOT is_own THEN told.margin_percent END,
            CASE WHEN is_own THEN 0 ELSE told.sale_value_usd END, told.file_bytes, told.item_count,
            told.media_seconds, told.succeeded, hold.company_day)
        RETURNING id INTO log_id;
        UPDATE tokens_attempt t
        SET state = told.status, error_code = coalesce(told.error_code, ''), ended_at = moment, usage_log_id = log_id
        WHERE t.hold_id = p_hold_id AND t.number = attempt.number;
        logs := logs - 1;
        charged := charged + due;
        own := own + coalesce(told.charged_tokens, 0) - due;
        short := short + unpaid;
        payable := payable - (due - unpaid);
        IF due > unpaid THEN
            paid_logs := paid_logs || log_id;
            paid_tokens := paid_tokens || due - unpaid;
        END IF;
        IF unpaid > 0 THEN
            short_logs := short_logs || log_id;
            short_tokens := short_tokens || unpaid;
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
    IF charged <= held AND short = 0 THEN
        UPDATE tokens_allocation a SET used_tokens = a.used_tokens + charged, held_tokens = a.held_tokens - held
        WHERE a.id = (
            SELECT part.allocation_id FROM tokens_hold_part part WHERE part.hold_id = p_hold_id AND part.tokens = held)
        RETURNING a.id INTO payer;
    END IF;
    IF payer IS NULL AND NOT is_own THEN
        PERFORM tokens_pay_charges(h, paid_logs, paid_tokens, moment) FROM tokens_hold h WHERE h.id = p_hold_id;
    ELSE
        FOR place IN 1 .. cardinality(paid_logs) LOOP
            INSERT INTO tokens_ledger_entry (
                company_id, allocation_id, kind, delta_tokens, usage_log_id, hold_id, company_day)
            VALUES (company, payer, 'usage', -paid_tokens[place], paid_logs[place], p_hold_id, hold.company_day);
        END LOOP;
    END IF;

    UPDATE tokens_hold h SET state = p_state, charged_tokens = charged, ended_at = moment WHERE h.id = p_hold_id;
    IF hold.has_budgets THEN
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
    available_tokens := greatest(0, held + hold.free - (charged - short) - account.debt_tokens - debt_tokens);
    RETURN NEXT;
END
$$;
