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
    untold tokens_usage_log;  -- see tokens_close_hold
    moment timestamptz;
    asked record;
BEGIN
    turns := tokens_take_turns(ARRAY(
        SELECT h.company_id FROM jsonb_array_elements(p_closings) closing
        JOIN tokens_hold h ON h.id = (closing ->> 'hold_id')::uuid));
    moment := clock_timestamp();
    untold.kind := 'call';
    FOR asked IN
        WITH closing AS MATERIALIZED (
            SELECT c.* FROM jsonb_populate_recordset(NULL::tokens_closing, p_closings) WITH ORDINALITY c
        ), told AS MATERIALIZED (
            SELECT c.ordinality, c.hold_id, jsonb_populate_record(untold, c.logs -> 0) AS log FROM closing c
            WHERE c.state = 'settled' AND c.answer IS NULL AND jsonb_array_length(c.logs) = 1
        ), settled AS (
            -- An update changes a row once and tells of it once, however often a closing names the hold.
            UPDATE tokens_hold h SET state = 'settled', charged_tokens = (told.log).charged_tokens, ended_at = moment
            FROM told
            JOIN tokens_attempt t ON t.hold_id = told.hold_id
            JOIN tokens_hold_part part ON part.hold_id = told.hold_id
            WHERE h.id = told.hold_id
              AND array_position(turns, h.company_id) > 0
              AND h.ended_at IS NULL  -- it is open
              AND h.key IS NULL
              AND h.key_owner = 'platform'
              AND part.tokens = h.held_tokens
              AND (SELECT next.number FROM tokens_attempt next WHERE next.hold_id = h.id AND next.number = 2) IS NULL
              AND (SELECT b.id FROM tokens_budget b WHERE b.company_id = h.company_id LIMIT 1) IS NULL
              AND (told.log).attempt_number = 1
              AND (told.log).charged_tokens BETWEEN 1 AND h.held_tokens
            RETURNING told.ordinality, told.log, uuidv7() AS log_id, part.allocation_id, t.provider, t.model,
                t.started_at, h.*
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
                s.log_id, s.company_id, s.id, 1, 'call', s.operation, s.feature, s.application_id, s.job_id,
                s.user_id, s.api_key_id, s.step_id, s.trace_id, s.session_id, coalesce((s.log).metadata, '{}'),
                s.provider, s.model, coalesce((s.log).response_model, ''), coalesce((s.log).service_tier, ''),
                coalesce((s.log).provider_request_id, ''), s.key_owner, coalesce((s.log).streamed, false),
                coalesce((s.log).prompt_version, ''), (s.log).status, coalesce((s.log).error_code, ''),
                coalesce((s.log).finish_reason, ''), (s.log).usage_source, s.started_at, (s.log).duration_ms,
                coalesce((s.log).input_tokens, 0), coalesce((s.log).output_tokens, 0),
                coalesce((s.log).input_uncached_tokens, 0), coalesce((s.log).cache_read_tokens, 0),
                coalesce((s.log).cache_write_short_tokens, 0), coalesce((s.log).cache_write_long_tokens, 0),
                coalesce((s.log).input_audio_tokens, 0), coalesce((s.log).input_image_tokens, 0),
                coalesce((s.log).output_reasoning_tokens, 0), coalesce((s.log).output_audio_tokens, 0),
                coalesce((s.log).output_image_tokens, 0), coalesce((s.log).tool_requests, 0),
                coalesce((s.log).weight, 1), (s.log).weight_version_id, s.charged_tokens, (s.log).price_version_id,
                coalesce((s.log).price_kind, 'unpriced'), (s.log).provider_cost_usd, (s.log).margin_percent,
                (s.log).sale_value_usd, (s.log).file_bytes, (s.log).item_count, (s.log).media_seconds,
                (s.log).succeeded, s.company_day
            FROM settled s
        ), attempt AS (
            UPDATE tokens_attempt t
            SET state = (s.log).status, error_code = coalesce((s.log).error_code, ''), ended_at = moment,
                usage_log_id = s.log_id
            FROM settled s WHERE t.hold_id = s.id
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
            SELECT s.company_id, s.allocation_id, 'usage', -s.charged_tokens, s.log_id, s.id, s.company_day
            FROM settled s
        )
        SELECT closing.*, s.charged_tokens AS charged,
               -- what was free before, and what was given back
               (SELECT coalesce(sum(f.free), 0) FROM tokens_free_tokens(s.company_id, moment) f)
               + (SELECT sum(o.held_tokens - o.charged_tokens) FROM settled o WHERE o.company_id = s.company_id)
               AS available
        FROM closing LEFT JOIN settled s ON s.ordinality = closing.ordinality
    LOOP
        IF asked.charged IS NULL THEN
            RETURN QUERY SELECT asked.ordinality, closed.* FROM tokens_close_hold(
                asked.hold_id, asked.state, asked.logs, asked.answer, asked.answer_days, p_may_wait => false) closed;
        ELSE
            place := asked.ordinality;
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
