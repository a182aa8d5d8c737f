CREATE OR REPLACE FUNCTION tokens_hold_on_allocations(
    p_company_id bigint, p_hold_id uuid, p_tokens bigint, p_moment timestamptz
) RETURNS void
LANGUAGE sql AS $$
    -- Reserve tokens for a hold on the company's allocations in burn order. The caller holds the lock on the account
    -- and has made sure that they are there.
    WITH burn AS (
        SELECT a.id, a.free, sum(a.free) OVER (ORDER BY a.burn_rank) - a.free AS before
        FROM tokens_free_tokens(p_company_id, p_moment) a
    ), part AS (
        SELECT burn.id AS allocation_id, least(burn.free, p_tokens - burn.before) AS tokens
        FROM burn WHERE burn.before < p_tokens
    ), moved AS (
        UPDATE tokens_allocation a SET held_tokens = a.held_tokens + part.tokens
        FROM part WHERE a.id = part.allocation_id
    )
    INSERT INTO tokens_hold_part AS known (company_id, hold_id, allocation_id, tokens)
    SELECT p_company_id, p_hold_id, part.allocation_id, part.tokens FROM part
    ON CONFLICT (hold_id, allocation_id) DO UPDATE SET tokens = known.tokens + excluded.tokens
$$;

CREATE OR REPLACE FUNCTION tokens_place_hold(
    p_company_id bigint,
    p_needed_tokens bigint,        -- upper bound of the charge
    p_minimum_tokens bigint,       -- the smallest hold that the call can run with
    p_lease_seconds integer,
    p_key text,                    -- idempotency key, or NULL
    p_request_hash bytea,          -- SHA-256 of the request, with p_key
    p_provider text,
    p_model text,
    p_estimated_cost_usd numeric,  -- of the first attempt, or NULL when the model is not priced
    p_operation text,
    p_feature text,
    p_application_id uuid,
    p_job_id uuid,
    p_user_id bigint,
    p_api_key_id uuid,
    p_step_id uuid,
    p_trace_id uuid,
    p_session_id text,
    p_key_owner text DEFAULT 'platform', -- whose key the provider is called with
    p_estimated_price_kind text DEFAULT 'listed',
    p_may_wait boolean DEFAULT true      -- for the company's turn; see tokens_take_turn
) RETURNS TABLE (
    outcome text, hold_id uuid, held_tokens bigint, available_tokens bigint, debt_tokens bigint, budget_id uuid)
LANGUAGE plpgsql AS $$
-- Reserve tokens for one call and write its first attempt, or say why not:
--   held · insufficient · over_budget · replayed (the key's call is settled) · in_flight · key_conflict ·
--   busy (it would have to wait and may not: nothing is known and nothing was done)
-- Balance and budgets together: all of the amount is held on each, or nothing is. A stopping budget clamps like the
-- balance does. A call on the company's own key is held on budgets alone: balance and debt do not matter to it.
-- The account's row is locked first, so a company's holds are placed one after the other. A hold of
-- nothing is never refused: it is for usage that is told of after the fact, which has to be booked whatever is left.
DECLARE
    account tokens_account;
    is_key_known boolean := false;
    known record;
    moment timestamptz;
    first record;                  -- of the allocations with free tokens, in burn order; and of the company
    available bigint;
    tightest uuid;                 -- of the budgets that the call counts in: the one that stops it first
    most bigint;                   -- what that one has left
    is_budgeted boolean := false;
    is_own boolean := p_key_owner = 'company';
    amount bigint;
    new_hold uuid;
BEGIN
    account := tokens_take_turn(p_company_id, p_may_wait);
    IF account.company_id IS NULL AND NOT p_may_wait THEN
        RETURN QUERY SELECT 'busy', NULL::uuid, 0::bigint, 0::bigint, 0::bigint, NULL::uuid;
        RETURN;
    END IF;
    moment := clock_timestamp();

    IF p_key IS NOT NULL THEN
        is_key_known := EXISTS (
            SELECT FROM tokens_idempotency_key k
            WHERE k.company_id = p_company_id AND k.scope = 'call' AND k.key = p_key);
    END IF;
    IF is_key_known THEN
        SELECT h.id, h.state, h.held_tokens, k.request_hash <> p_request_hash AS differs INTO known
        FROM tokens_idempotency_key k JOIN tokens_hold h ON h.id = k.result_id
        WHERE k.company_id = p_company_id AND k.scope = 'call' AND k.key = p_key;
        IF known.differs THEN
            RETURN QUERY SELECT 'key_conflict', known.id, 0::bigint, 0::bigint, account.debt_tokens::bigint, NULL::uuid;
            RETURN;
        ELSIF known.state = 'settled' THEN
            RETURN QUERY SELECT 'replayed', known.id, known.held_tokens::bigint, 0::bigint, account.debt_tokens::bigint, NULL::uuid;
            RETURN;
        ELSIF known.state = 'open' THEN
            IF NOT tokens_expire_hold(known.id) THEN
                -- Its lease lasts; or was renewed while we looked, which takes no lock on the account.
                RETURN QUERY SELECT 'in_flight', known.id, known.held_tokens::bigint, 0::bigint, account.debt_tokens::bigint, NULL::uuid;
                RETURN;
            END IF;
        END IF;
    END IF;

    IF account.debt_tokens > 0 THEN
        PERFORM tokens_repay_debt(p_company_id);
        SELECT * INTO account FROM tokens_account WHERE company_id = p_company_id;  -- as the expiry above left it, too
    END IF;
    SELECT f.id, f.free, sum(f.free) OVER () AS total, company.today, company.has_budgets INTO first
    FROM (SELECT tokens_company_day(p_company_id, moment) AS today,
                 EXISTS (SELECT FROM tokens_budget b WHERE b.company_id = p_company_id) AS has_budgets) company
    LEFT JOIN tokens_free_tokens(p_company_id, moment) f ON true ORDER BY f.burn_rank LIMIT 1;
    available := greatest(0, coalesce(first.total, 0) - coalesce(account.debt_tokens, 0));
    IF first.has_budgets THEN
        SELECT b.budget_id, CASE WHEN b.stops THEN b.left_tokens END INTO tightest, most
        FROM tokens_budgets_of(p_company_id, p_operation, p_job_id, p_user_id, p_api_key_id, first.today) b
        ORDER BY 2 LIMIT 1;
        is_budgeted := FOUND;
    END IF;
    amount := CASE WHEN is_own THEN p_needed_tokens ELSE least(p_needed_tokens, available) END;
    IF account.company_id IS NULL
       OR (amount < p_minimum_tokens OR account.debt_tokens > 0) AND p_needed_tokens > 0 AND NOT is_own THEN
        RETURN QUERY SELECT 'insufficient', NULL::uuid, 0::bigint, available, coalesce(account.debt_tokens, 0), NULL::uuid;
        RETURN;
    END IF;
    amount := least(amount, most);
    IF amount < greatest(0, p_minimum_tokens) AND p_needed_tokens > 0 THEN
        RETURN QUERY SELECT 'over_budget', NULL::uuid, 0::bigint, greatest(0, amount), 0::bigint, tightest;
        RETURN;
    END IF;
    amount := greatest(0, amount);

    INSERT INTO tokens_hold (
        company_id, key, needed_tokens, held_tokens, company_day, placed_at, lease_expires_at, operation, feature,
        application_id, job_id, user_id, api_key_id, step_id, trace_id, session_id, key_owner)
    VALUES (
        p_company_id, p_key, p_needed_tokens, amount, first.today, moment,
        moment + make_interval(secs => p_lease_seconds), p_operation, p_feature,
        p_application_id, p_job_id, p_user_id, p_api_key_id, p_step_id, p_trace_id, p_session_id,
        p_key_owner)
    RETURNING id INTO new_hold;

    IF is_own THEN
        NULL;
    ELSIF amount BETWEEN 1 AND first.free THEN  -- one allocation covers it: so it is nearly always
        UPDATE tokens_allocation a SET held_tokens = a.held_tokens + amount WHERE a.id = first.id;
        INSERT INTO tokens_hold_part (company_id, hold_id, allocation_id, tokens)
        VALUES (p_company_id, new_hold, first.id, amount);
    ELSE
        PERFORM tokens_hold_on_allocations(p_company_id, new_hold, amount, moment);
    END IF;
    IF is_budgeted THEN
        PERFORM tokens_count_in_budgets(new_hold, 0, amount);
    END IF;

    INSERT INTO tokens_attempt (hold_id, number, provider, model, estimated_cost_usd, estimated_price_kind)
    VALUES (new_hold, 1, p_provider, p_model, p_estimated_cost_usd, p_estimated_price_kind);

    IF is_key_known THEN  -- its earlier hold was released or expired
        UPDATE tokens_idempotency_key k SET result_id = new_hold
        WHERE k.company_id = p_company_id AND k.scope = 'call' AND k.key = p_key;
    ELSIF p_key IS NOT NULL THEN
        INSERT INTO tokens_idempotency_key (company_id, scope, key, request_hash, result_id)
        VALUES (p_company_id, 'call', p_key, p_request_hash, new_hold);
    END IF;

    outcome := 'held';
    hold_id := new_hold;
    held_tokens := amount;
    available_tokens := available - CASE WHEN is_own THEN 0 ELSE amount END;
    debt_tokens := 0;
    RETURN NEXT;
END
$$;
