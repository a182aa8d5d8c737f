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
    alone tokens_hold_request;  -- one that goes through tokens_place_hold
BEGIN
    turns := tokens_take_turns(p_requests);
    moment := clock_timestamp();
    FOR asked IN
        -- Each column is paid for by every part that reads its rows: what few of them need stays in the object.
        WITH request AS MATERIALIZED (
            SELECT e.place, e.call, (e.call ->> 'company_id')::bigint AS company_id,
                   (e.call ->> 'needed_tokens')::bigint AS needed_tokens
            FROM jsonb_array_elements(p_requests) WITH ORDINALITY e (call, place)
        ), looked_at AS MATERIALIZED (
            SELECT r.*, first.id AS allocation_id, CASE
                WHEN r.company_id = ANY (turns)
                    AND r.call ->> 'key' IS NULL
                    AND r.call ->> 'key_owner' = 'platform'
                    AND r.needed_tokens > 0
                    AND r.needed_tokens >= (r.call ->> 'minimum_tokens')::bigint
                    AND first.free >= (SELECT sum(other.needed_tokens) FROM request other)
                    AND (SELECT b.id FROM tokens_budget b WHERE b.company_id = r.company_id LIMIT 1) IS NULL
                THEN uuidv7() END AS hold_id
            FROM request r
            LEFT JOIN LATERAL (
                SELECT f.id, f.free FROM tokens_free_tokens(r.company_id, moment) f ORDER BY f.burn_rank LIMIT 1
            ) first ON true
        ), simple AS NOT MATERIALIZED (
            SELECT * FROM looked_at WHERE looked_at.hold_id IS NOT NULL
        ), hold AS (
            INSERT INTO tokens_hold (
                id, company_id, needed_tokens, held_tokens, company_day, placed_at, lease_expires_at, operation,
                feature, application_id, job_id, user_id, api_key_id, step_id, trace_id, session_id, key_owner)
            SELECT s.hold_id, s.company_id, s.needed_tokens, s.needed_tokens, tokens_company_day(s.company_id, moment),
                   moment, moment + make_interval(secs => (s.call ->> 'lease_seconds')::integer),
                   s.call ->> 'operation', s.call ->> 'feature', (s.call ->> 'application_id')::uuid,
                   (s.call ->> 'job_id')::uuid, (s.call ->> 'user_id')::bigint, (s.call ->> 'api_key_id')::uuid,
                   (s.call ->> 'step_id')::uuid, (s.call ->> 'trace_id')::uuid, s.call ->> 'session_id',
                   s.call ->> 'key_owner'
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
            SELECT s.hold_id, 1, s.call ->> 'provider', s.call ->> 'model', (s.call ->> 'estimated_cost_usd')::numeric,
                   s.call ->> 'estimated_price_kind'
            FROM simple s
        )
        SELECT l.place, l.call, l.needed_tokens, l.hold_id FROM looked_at l
    LOOP
        IF asked.hold_id IS NULL THEN
            alone := jsonb_populate_record(NULL::tokens_hold_request, asked.call);
            RETURN QUERY SELECT asked.place, placed.* FROM tokens_place_hold(
                alone.company_id, alone.needed_tokens, alone.minimum_tokens, alone.lease_seconds, alone.key,
                alone.request_hash, alone.provider, alone.model, alone.estimated_cost_usd, alone.operation,
                alone.feature, alone.application_id, alone.job_id, alone.user_id, alone.api_key_id, alone.step_id,
                alone.trace_id, alone.session_id, alone.key_owner, alone.estimated_price_kind, p_may_wait => false
            ) placed;
        ELSE
            place := asked.place;
            outcome := 'held';
            hold_id := asked.hold_id;
            held_tokens := asked.needed_tokens;
            debt_tokens := 0;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
