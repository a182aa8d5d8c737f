CREATE OR REPLACE FUNCTION tokens_rebuild_counters(p_company_id bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
-- Set every counter of a company to what entries, open holds and usage logs say: the counters are their cache.
-- Returns how many rows were off. Under the account's lock, so that calls under way are counted once.
DECLARE
    changed integer;
    total integer := 0;
BEGIN
    PERFORM 1 FROM tokens_account WHERE company_id = p_company_id FOR NO KEY UPDATE;
    WITH entered AS (
        SELECT allocation_id,
               coalesce(sum(delta_tokens) FILTER (WHERE kind = 'grant'), 0) AS allocated,
               -coalesce(sum(delta_tokens) FILTER (WHERE kind IN ('usage', 'refund', 'debt_repayment')), 0) AS used,
               -coalesce(sum(delta_tokens) FILTER (WHERE kind = 'expiry'), 0) AS expired,
               -coalesce(sum(delta_tokens) FILTER (WHERE kind = 'revocation'), 0) AS revoked
        FROM tokens_ledger_entry WHERE company_id = p_company_id AND allocation_id IS NOT NULL GROUP BY allocation_id
    ), held AS (
        SELECT part.allocation_id, sum(part.tokens) AS tokens
        FROM tokens_hold h JOIN tokens_hold_part part ON part.hold_id = h.id
        WHERE h.company_id = p_company_id AND h.state = 'open' GROUP BY part.allocation_id
    ), truth AS (
        SELECT a.id, coalesce(e.allocated, 0) AS allocated, coalesce(e.used, 0) AS used,
               coalesce(e.expired, 0) AS expired, coalesce(e.revoked, 0) AS revoked, coalesce(held.tokens, 0) AS held
        FROM tokens_allocation a
        LEFT JOIN entered e ON e.allocation_id = a.id LEFT JOIN held ON held.allocation_id = a.id
        WHERE a.company_id = p_company_id
    )
    UPDATE tokens_allocation a
    SET allocated_tokens = t.allocated, used_tokens = t.used, held_tokens = t.held, expired_tokens = t.expired,
        revoked_tokens = t.revoked
    FROM truth t
    WHERE a.id = t.id AND (a.allocated_tokens, a.used_tokens, a.held_tokens, a.expired_tokens, a.revoked_tokens)
        IS DISTINCT FROM (t.allocated, t.used, t.held, t.expired, t.revoked);
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;

    UPDATE tokens_account SET debt_tokens = owed.tokens
    FROM (SELECT -coalesce(sum(delta_tokens), 0) AS tokens FROM tokens_ledger_entry
          WHERE company_id = p_company_id AND kind = 'debt') owed
    WHERE company_id = p_company_id AND debt_tokens <> owed.tokens;
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;

    WITH moved AS (
        SELECT company_day, charged_tokens + own_key_tokens AS used, 0::bigint AS held, operation, job_id, user_id, api_key_id
        FROM tokens_usage_log WHERE company_id = p_company_id
        UNION ALL
        SELECT company_day, 0, held_tokens, operation, job_id, user_id, api_key_id
        FROM tokens_hold WHERE company_id = p_company_id AND state = 'open'
    ), truth AS (
        SELECT b.id AS budget_id, tokens_period_start(b.period, m.company_day) AS period_start,
               sum(m.used) AS used, sum(m.held) AS held
        FROM tokens_budget b
        JOIN moved m ON tokens_in_scope(b.scope, b.scope_id, m.operation, m.job_id, m.user_id, m.api_key_id)
        WHERE b.company_id = p_company_id GROUP BY 1, 2
    ), whole AS (
        SELECT coalesce(t.budget_id, u.budget_id) AS budget_id, coalesce(t.period_start, u.period_start) AS period_start,
               coalesce(t.used, 0) AS used, coalesce(t.held, 0) AS held
        FROM truth t
        FULL JOIN (SELECT u.* FROM tokens_budget_use u JOIN tokens_budget b ON b.id = u.budget_id
                   WHERE b.company_id = p_company_id) u
          ON u.budget_id = t.budget_id AND u.period_start = t.period_start
    )
    INSERT INTO tokens_budget_use AS u (budget_id, period_start, used_tokens, held_tokens)
    SELECT budget_id, period_start, used, held FROM whole
    ON CONFLICT (budget_id, period_start) DO UPDATE
    SET used_tokens = excluded.used_tokens, held_tokens = excluded.held_tokens
    WHERE (u.used_tokens, u.held_tokens) IS DISTINCT FROM (excluded.used_tokens, excluded.held_tokens);
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN total + changed;
END
$$;

CREATE OR REPLACE FUNCTION tokens_enter_missing(p_usage_log_id uuid, p_actor_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
-- Compensate a charge whose entries do not add up, by a reconciliation row and entries of its own: what was not
-- entered is paid from free tokens as far as they go, and absorbed by the platform beyond; what was entered too much
-- goes back. Returns the tokens entered (negative: given back).
DECLARE
    original tokens_usage_log;
    moment timestamptz;
    today date;
    missing bigint;
    entered bigint;
    new_log uuid := uuidv7();
BEGIN
    SELECT * INTO STRICT original FROM tokens_usage_log WHERE id = p_usage_log_id;
    PERFORM 1 FROM tokens_account WHERE company_id = original.company_id FOR NO KEY UPDATE;
    moment := clock_timestamp();
    today := tokens_company_day(original.company_id, moment);
    WITH charge AS (
        SELECT log.id, log.charged_tokens - log.debt_tokens - log.absorbed_tokens AS tokens
        FROM tokens_usage_log log
        WHERE log.id = original.id OR (log.hold_id = original.hold_id AND log.corrects_id = original.id)
    )
    SELECT (SELECT sum(charge.tokens) FROM charge) + coalesce((
        SELECT sum(e.delta_tokens) FROM tokens_ledger_entry e JOIN charge ON charge.id = e.usage_log_id
        WHERE e.kind <> 'debt'), 0) INTO missing;
    IF missing = 0 THEN
        RETURN 0;
    END IF;

    IF missing > 0 THEN
        WITH burn AS (
            SELECT f.id, f.free, sum(f.free) OVER (ORDER BY f.burn_rank) - f.free AS before
            FROM tokens_free_tokens(original.company_id, moment) f
        ), part AS (
            SELECT burn.id AS allocation_id, least(burn.free, missing - burn.before) AS tokens
            FROM burn WHERE burn.before < missing
        ), moved AS (
            UPDATE tokens_allocation a SET used_tokens = a.used_tokens + part.tokens FROM part WHERE a.id = part.allocation_id
        ), posted AS (
            INSERT INTO tokens_ledger_entry (company_id, allocation_id, kind, delta_tokens, usage_log_id, hold_id,
                corrects_id, actor_id, reason_code, company_day)
            SELECT original.company_id, part.allocation_id, 'usage', -part.tokens, new_log, original.hold_id,
                   original.id, p_actor_id, 'entries_missing', today
            FROM part
        )
        SELECT coalesce(sum(part.tokens), 0) INTO entered FROM part;
    ELSE
        WITH paid AS (
            SELECT e.allocation_id, -sum(e.delta_tokens) AS tokens FROM tokens_ledger_entry e
            WHERE e.usage_log_id = original.id AND e.kind = 'usage' GROUP BY e.allocation_id
        ), ordered AS (
            SELECT paid.*, sum(paid.tokens) OVER (ORDER BY paid.allocation_id) - paid.tokens AS before FROM paid
        ), part AS (
            SELECT o.allocation_id, least(o.tokens, -missing - o.before) AS tokens FROM ordered o WHERE o.before < -missing
        ), moved AS (
            UPDATE tokens_allocation a SET used_tokens = a.used_tokens - part.tokens FROM part WHERE a.id = part.allocation_id
        ), posted AS (
            INSERT INTO tokens_ledger_entry (company_id, allocation_id, kind, delta_tokens, usage_log_id, hold_id,
                corrects_id, actor_id, reason_code, company_day)
            SELECT original.company_id, part.allocation_id, 'refund', part.tokens, new_log, original.hold_id,
                   original.id, p_actor_id, 'entries_in_excess', today
            FROM part
        )
        SELECT -coalesce(sum(part.tokens), 0) INTO entered FROM part;
    END IF;

    INSERT INTO tokens_usage_log (
        id, company_id, hold_id, attempt_number, kind, corrects_id, operation, feature, application_id, job_id, user_id,
        api_key_id, step_id, trace_id, session_id, provider, model, key_owner, status, usage_source, started_at,
        absorbed_tokens, price_version_id, price_kind, provider_cost_usd, actor_id, reason_code, company_day)
    VALUES (
        new_log, original.company_id, original.hold_id, original.attempt_number, 'reconciliation', original.id,
        original.operation, original.feature, original.application_id, original.job_id, original.user_id,
        original.api_key_id, original.step_id, original.trace_id, original.session_id, original.provider,
        original.model, original.key_owner, original.status, 'none', moment, missing - entered,
        original.price_version_id, original.price_kind, original.provider_cost_usd * 0, p_actor_id,
        CASE WHEN missing > 0 THEN 'entries_missing' ELSE 'entries_in_excess' END, today);
    RETURN entered;
END
$$;
