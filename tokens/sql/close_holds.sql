CREATE OR REPLACE FUNCTION tokens_close_holds(
    p_closings jsonb  -- an array of what tokens_close_hold is told, under the names of tokens_closing
) RETURNS TABLE (
    place bigint, outcome text, charged_tokens bigint, debt_tokens bigint, absorbed_tokens bigint,
    available_tokens bigint)
-- As in tokens_place_holds. No condition below could be met by going through an index of all that is open, or of a company.
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
-- End several holds, one row for each, as tokens_place_holds places them: what tokens_close_hold would do and answer,
-- for the most part at the price of one, and nothing where it is somebody else's turn (busy).
-- The simple ones are settled together and first: a hold that is open, on one allocation, without a key, made with the
-- platform's key at the provider; one attempt, charged no more than was held; no answer to store, no debt and no
-- budgets. Their available_tokens is what the company has left after all of them. The others go through
-- tokens_close_hold, one by one.
DECLARE
    turns bigint[];
    moment timestamptz;
    asked record;
    alone tokens_closing;  -- one that goes through tokens_close_hold
BEGIN
    turns := tokens_take_turns(p_closings);
    moment := clock_timestamp();
    FOR asked IN
        -- Columns are as few as in tokens_place_holds. A log is read as the object it is: a row of the usage log,
        -- made from it, would look all its columns up.
        WITH told AS MATERIALIZED (
            SELECT e.place, e.call, (e.call ->> 'hold_id')::uuid AS hold_id, CASE
                WHEN e.call ->> 'state' = 'settled'
                    AND e.call ->> 'answer' IS NULL
                    AND e.call -> 'logs' -> 1 IS NULL
                THEN e.call -> 'logs' -> 0 END AS log
            FROM jsonb_array_elements(p_closings) WITH ORDINALITY e (call, place)
        ), settled AS (
            -- An update changes a row once and tells of it once, however often a closing names the hold.
            UPDATE tokens_hold h
            SET state = 'settled', charged_tokens = (told.log ->> 'charged_tokens')::bigint, ended_at = moment
            FROM told
            JOIN tokens_hold_part part ON part.hold_id = told.hold_id
            WHERE h.id = told.hold_id
              AND array_position(turns, h.company_id) > 0
              AND h.ended_at IS NULL  -- it is open
              AND h.key IS NULL
              AND h.key_owner = 'platform'
              AND part.tokens = h.held_tokens
              AND (  -- its last attempt is its first
                  SELECT t.number FROM tokens_attempt t WHERE t.hold_id = h.id ORDER BY t.number DESC LIMIT 1) = 1
              AND (SELECT b.id FROM tokens_budget b WHERE b.company_id = h.company_id LIMIT 1) IS NULL
              AND (told.log ->> 'attempt_number')::smallint = 1
              AND (told.log ->> 'charged_tokens')::bigint BETWEEN 1 AND h.held_tokens
            RETURNING told.place, told.log, uuidv7() AS log_id, part.allocation_id, h.id AS hold_id, h.company_id,
                h.held_tokens, h.charged_tokens, h AS hold
        ), attempt AS (
            UPDATE tokens_attempt t
            SET state = s.log ->> 'status', error_code = coalesce(s.log ->> 'error_code', ''), ended_at = moment,
                usage_log_id = s.log_id
            FROM settled s WHERE t.hold_id = s.hold_id
            RETURNING s.log_id, s.hold_id, s.company_id, s.charged_tokens, s.hold, s.log, t.provider, t.model,
                t.started_at
        ), log AS (
            INSERT INTO tokens_usage_log (
                id, company_id, hold_id, attempt_number, kind, operation, feature, application_id, job_id, user_id,
                api_key_id, step_id, trace_id, session_id, metadata, provider, model, response_model, service_tier,
                provider_request_id, key_owner, streamed, prompt_version, status, error_code, finish_reason,
                usage_source, started_at, duration_ms, input_tokens, output_tokens, input_uncached_tokens,
                cache_read_tokens, cache_write_short_tokens, cache_write_long_tokens, input_audio_tokens,
                input_image_tokens, output_reasoning_tokens, output_audio_tokens, output_image_tokens, tool_requests,
                weight, weight_version_id, charged_tokens, price_version_id, price_kind, provider_cost_usd,
                margin_percent, sale_value_usd, file_bytes, item_count, media_seconds, succeeded, company_day)
            SELECT
                s.log_id, s.company_id, s.hold_id, 1, 'call', (s.hold).operation, (s.hold).feature,
                (s.hold).application_id, (s.hold).job_id, (s.hold).user_id, (s.hold).api_key_id, (s.hold).step_id,
                (s.hold).trace_id, (s.hold).session_id, coalesce(nullif(s.log -> 'metadata', 'null'), '{}'),
                s.provider, s.model, coalesce(s.log ->> 'response_model', ''), coalesce(s.log ->> 'service_tier', ''),
                coalesce(s.log ->> 'provider_request_id', ''), (s.hold).key_owner,
                coalesce((s.log ->> 'streamed')::boolean, false), coalesce(s.log ->> 'prompt_version', ''),
                s.log ->> 'status', coalesce(s.log ->> 'error_code', ''), coalesce(s.log ->> 'finish_reason', ''),
                s.log ->> 'usage_source', s.started_at, (s.log ->> 'duration_ms')::integer,
                coalesce((s.log ->> 'input_tokens')::bigint, 0), coalesce((s.log ->> 'output_tokens')::bigint, 0),
                coalesce((s.log ->> 'input_uncached_tokens')::bigint, 0),
                coalesce((s.log ->> 'cache_read_tokens')::bigint, 0),
                coalesce((s.log ->> 'cache_write_short_tokens')::bigint, 0),
                coalesce((s.log ->> 'cache_write_long_tokens')::bigint, 0),
                coalesce((s.log ->> 'input_audio_tokens')::bigint, 0),
                coalesce((s.log ->> 'input_image_tokens')::bigint, 0),
                coalesce((s.log ->> 'output_reasoning_tokens')::bigint, 0),
                coalesce((s.log ->> 'output_audio_tokens')::bigint, 0),
                coalesce((s.log ->> 'output_image_tokens')::bigint, 0),
                coalesce((s.log ->> 'tool_requests')::integer, 0), coalesce((s.log ->> 'weight')::numeric, 1),
                (s.log ->> 'weight_version_id')::uuid, s.charged_tokens, (s.log ->> 'price_version_id')::uuid,
                coalesce(s.log ->> 'price_kind', 'unpriced'), (s.log ->> 'provider_cost_usd')::numeric,
                (s.log ->> 'margin_percent')::numeric, (s.log ->> 'sale_value_usd')::numeric,
                (s.log ->> 'file_bytes')::bigint, (s.log ->> 'item_count')::integer,
                (s.log ->> 'media_seconds')::numeric, (s.log ->> 'succeeded')::boolean, (s.hold).company_day
            FROM attempt s
        ), paid AS (
            UPDATE tokens_allocation a
            SET used_tokens = a.used_tokens + of_allocation.charged, held_tokens = a.held_tokens - of_allocation.held
            FROM (
                SELECT s.allocation_id, sum(s.charged_tokens) AS charged, sum(s.held_tokens) AS held
                FROM settled s GROUP BY 1
            ) of_allocation
            WHERE a.id = of_allocation.allocation_id
        ), entry AS (
            INSERT INTO tokens_ledger_entry (
                company_id, allocation_id, kind, delta_tokens, usage_log_id, hold_id, company_day)
            SELECT s.company_id, s.allocation_id, 'usage', -s.charged_tokens, s.log_id, s.hold_id, (s.hold).company_day
            FROM settled s
        )
        SELECT told.place, told.call, s.charged_tokens AS charged,
               (
                   SELECT sum(portion.tokens) FROM (
                       SELECT f.free AS tokens FROM tokens_free_tokens(s.company_id, moment) f  -- before
                       UNION ALL
                       SELECT o.held_tokens - o.charged_tokens FROM settled o WHERE o.company_id = s.company_id
                   ) portion
               ) AS available
        FROM told LEFT JOIN settled s ON s.place = told.place
    LOOP
        IF asked.charged IS NULL THEN
            alone := jsonb_populate_record(NULL::tokens_closing, asked.call);
            RETURN QUERY SELECT asked.place, closed.* FROM tokens_close_hold(
                alone.hold_id, alone.state, alone.logs, alone.answer, alone.answer_days, p_may_wait => false) closed;
        ELSE
            place := asked.place;
            outcome := 'closed';
            charged_tokens := asked.charged;
            debt_tokens := 0;
            absorbed_tokens := 0;
            available_tokens := asked.available;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
