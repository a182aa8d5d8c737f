CREATE OR REPLACE FUNCTION tokens_place_holds(
    p_requests jsonb  -- an array of what tokens_place_hold is asked for, under the names of tokens_hold_request
) RETURNS TABLE (
    place bigint, outcome text, hold_id uuid, held_tokens bigint, available_tokens bigint, debt_tokens bigint,
    budget_id uuid)
-- Planned once in a session, perhaps for tables that are nearly empty, and for more requests than there are: whatever
-- the planner believes, rows are looked up by their keys.
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
-- Place the holds of several calls, one row for each: what tokens_place_hold would do and answer, for the most part at
-- the price of one. Nothing waits for a company's turn: where it is somebody else's, the outcome is busy, and nothing
-- was done. docs/decisions/0010-groups-as-sets.md
-- The simple ones are placed together and first: no idempotency key, the platform's key at the provider, no debt, no
-- budgets, and one allocation that could cover the whole group. (It need not tell apart who asks for how much of it:
-- so much is hardly ever missing.) The others go through tokens_place_hold, one by one.
-- available_tokens is told of those alone that go through tokens_place_hold.
DECLARE
    turns bigint[];
    moment timestamptz;
    asked record;
BEGIN
    turns := tokens_take_turns(ARRAY(
        SELECT (request -> 'company_id')::bigint FROM jsonb_array_elements(p_requests) request));
    moment := clock_timestamp();
    FOR asked IN
        WITH request AS MATERIALIZED (
            SELECT r.* FROM jsonb_populate_recordset(NULL::tokens_hold_request, p_requests) WITH ORDINALITY r
        ), looked_at AS MATERIALIZED (
            SELECT request.*, first.id AS allocation_id, CASE WHEN first.id IS NOT NULL THEN uuidv7() END AS hold_id
            FROM request
            LEFT JOIN LATERAL (
                SELECT f.id, f.free FROM tokens_free_tokens(request.company_id, moment) f ORDER BY f.burn_rank LIMIT 1
            ) first ON request.company_id = ANY (turns)
                AND request.key IS NULL
                AND request.key_owner = 'platform'
                AND request.needed_tokens > 0
                AND request.needed_tokens >= request.minimum_tokens
                AND first.free >= (SELECT sum(r.needed_tokens) FROM request r)
                AND (SELECT b.id FROM tokens_budget b WHERE b.company_id = request.company_id LIMIT 1) IS NULL
        ), simple AS NOT MATERIALIZED (
            SELECT * FROM looked_at WHERE looked_at.hold_id IS NOT NULL
        ), hold AS (
            INSERT INTO tokens_hold (
                id, company_id, needed_tokens, held_tokens, company_day, placed_at, lease_expires_at, operation,
                feature, application_id, job_id, user_id, api_key_id, step_id, trace_id, session_id, key_owner)
            SELECT s.hold_id, s.company_id, s.needed_tokens, s.needed_tokens, tokens_company_day(s.company_id, moment),
                   moment, moment + make_interval(secs => s.lease_seconds), s.operation, s.feature, s.application_id,
                   s.job_id, s.user_id, s.api_key_id, s.step_id, s.trace_id, s.session_id, s.key_owner
            FROM simple s
        ), part AS (
            INSERT INTO tokens_hold_part (company_id, hold_id, allocation_id, tokens)
            SELECT s.company_id, s.hold_id, s.allocation_id, s.needed_tokens FROM simple s
        ), taken AS (
            UPDATE tokens_allocation a SET held_tokens = a.held_tokens + of_allocation.tokens
            FROM (SELECT s.allocation_id, sum(s.needed_tokens) AS tokens FROM simple s GROUP BY 1) of_allocation
            WHERE a.id = of_allocation.allocation_id
        ), attempt AS (
            INSERT INTO tokens_attempt (hold_id, number, provider, model, estimated_cost_usd, estimated_price_kind)
            SELECT s.hold_id, 1, s.provider, s.model, s.estimated_cost_usd, s.estimated_price_kind FROM simple s
        )
        SELECT * FROM looked_at
    LOOP
        IF asked.hold_id IS NULL THEN
            RETURN QUERY SELECT asked.ordinality, placed.* FROM tokens_place_hold(
                asked.company_id, asked.needed_tokens, asked.minimum_tokens, asked.lease_seconds, asked.key,
                asked.request_hash, asked.provider, asked.model, asked.estimated_cost_usd, asked.operation,
                asked.feature, asked.application_id, asked.job_id, asked.user_id, asked.api_key_id, asked.step_id,
                asked.trace_id, asked.session_id, asked.key_owner, asked.estimated_price_kind, p_may_wait => false
            ) placed;
        ELSE
            place := asked.ordinality;
            outcome := 'held';
            hold_id := asked.hold_id;
            held_tokens := asked.needed_tokens;
            debt_tokens := 0;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
