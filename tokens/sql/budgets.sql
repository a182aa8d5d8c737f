CREATE OR REPLACE FUNCTION tokens_period_start(p_period text, p_day date) RETURNS date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    -- The first day of the budget period that a company's day lies in; weeks begin on Monday.
    SELECT CASE p_period WHEN 'total' THEN date '0001-01-01' ELSE date_trunc(p_period, p_day::timestamp)::date END
$$;

CREATE OR REPLACE FUNCTION tokens_in_scope(
    p_scope text, p_scope_id text, p_operation text, p_job_id uuid, p_user_id bigint, p_api_key_id uuid
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- Whether a call counts in a budget of that scope. The one definition: holds, settlements and audit share it.
    SELECT coalesce(CASE p_scope
        WHEN 'company' THEN true
        WHEN 'job' THEN p_scope_id = p_job_id::text
        WHEN 'user' THEN p_scope_id = p_user_id::text
        WHEN 'operation' THEN p_scope_id = p_operation
        WHEN 'key' THEN p_scope_id = p_api_key_id::text
    END, false)
$$;

CREATE OR REPLACE FUNCTION tokens_budgets_of(
    p_company_id bigint, p_operation text, p_job_id uuid, p_user_id bigint, p_api_key_id uuid, p_day date
) RETURNS TABLE (budget_id uuid, period_start date, stops boolean, left_tokens bigint)
LANGUAGE sql STABLE AS $$
    -- The budgets that a call counts in on that day, and what each has left.
    SELECT b.id, tokens_period_start(b.period, p_day), b.is_active AND b.action = 'stop',
           b.limit_tokens - coalesce(u.used_tokens + u.held_tokens, 0)
    FROM tokens_budget b
    LEFT JOIN tokens_budget_use u ON u.budget_id = b.id AND u.period_start = tokens_period_start(b.period, p_day)
    WHERE b.company_id = p_company_id
      AND tokens_in_scope(b.scope, b.scope_id, p_operation, p_job_id, p_user_id, p_api_key_id)
$$;

CREATE OR REPLACE FUNCTION tokens_count_in_budgets(
    p_hold_id uuid, p_used bigint, p_held bigint, p_day date DEFAULT NULL
) RETURNS void
LANGUAGE sql AS $$
    -- Move the counters of every budget that a hold counts in, in the period of the hold's own day: a settlement that
    -- arrives late counts where the hold was placed. A refund names its own day instead. The caller holds the lock on the account.
    INSERT INTO tokens_budget_use AS u (budget_id, period_start, used_tokens, held_tokens)
    SELECT b.id, tokens_period_start(b.period, coalesce(p_day, h.company_day)), p_used, greatest(0, p_held)
    FROM tokens_hold h JOIN tokens_budget b ON b.company_id = h.company_id
    WHERE h.id = p_hold_id
      AND tokens_in_scope(b.scope, b.scope_id, h.operation, h.job_id, h.user_id, h.api_key_id)
    ON CONFLICT (budget_id, period_start) DO UPDATE
    SET used_tokens = u.used_tokens + p_used, held_tokens = u.held_tokens + p_held
$$;

CREATE OR REPLACE FUNCTION tokens_create_budget(
    p_company_id bigint, p_scope text, p_scope_id text, p_period text, p_limit_tokens bigint, p_action text
) RETURNS uuid
LANGUAGE plpgsql AS $$
-- Make a budget that knows all that was used and is held in its scope before it existed, period by period.
DECLARE
    new_budget uuid;
BEGIN
    INSERT INTO tokens_account (company_id) VALUES (p_company_id) ON CONFLICT DO NOTHING;
    PERFORM 1 FROM tokens_account WHERE company_id = p_company_id FOR NO KEY UPDATE;
    INSERT INTO tokens_budget (company_id, scope, scope_id, period, limit_tokens, action)
    VALUES (p_company_id, p_scope, p_scope_id, p_period, p_limit_tokens, p_action) RETURNING id INTO new_budget;
    INSERT INTO tokens_budget_use (budget_id, period_start, used_tokens, held_tokens)
    SELECT new_budget, tokens_period_start(p_period, moved.company_day), sum(moved.used), sum(moved.held)
    FROM (
        SELECT company_day, charged_tokens + own_key_tokens AS used, 0 AS held, operation, job_id, user_id, api_key_id
        FROM tokens_usage_log WHERE company_id = p_company_id
        UNION ALL
        SELECT company_day, 0, held_tokens, operation, job_id, user_id, api_key_id
        FROM tokens_hold WHERE company_id = p_company_id AND state = 'open'
    ) moved
    WHERE tokens_in_scope(p_scope, p_scope_id, moved.operation, moved.job_id, moved.user_id, moved.api_key_id)
    GROUP BY 2;
    RETURN new_budget;
END
$$;
