"""How Python calls the functions of the ledger: shared by the synchronous and the asynchronous path."""

# Whether the commit of a movement waits for the disk: not when it had to wait for its turn (tokens_take_turn). Then
# MAKE_DURABLE has to follow, in a transaction of its own, before anybody relies on the movement.
IS_DURABLE = "current_setting('synchronous_commit') <> 'off' AS is_durable"
MAKE_DURABLE = "SELECT pg_logical_emit_message(true, 'winnow', '')"

PLACE_HOLD = f"""
    SELECT outcome, hold_id, held_tokens, available_tokens, debt_tokens, budget_id, {IS_DURABLE} FROM tokens_place_hold(
        %(company_id)s, %(needed_tokens)s, %(minimum_tokens)s, %(lease_seconds)s, %(key)s, %(request_hash)s,
        %(provider)s, %(model)s, %(estimated_cost_usd)s, %(operation)s, %(feature)s, %(application_id)s, %(job_id)s,
        %(user_id)s, %(api_key_id)s, %(step_id)s, %(trace_id)s, %(session_id)s, %(key_owner)s,
        %(estimated_price_kind)s)
"""
# A row for each of many, with its place; the outcome is BUSY where it is somebody else's turn to move the company's
# tokens, and nothing was done.
PLACE_HOLDS = f"""
    SELECT place, outcome, hold_id, held_tokens, available_tokens, debt_tokens, budget_id, {IS_DURABLE}
    FROM tokens_place_holds(%(requests)s)
"""
BUSY = "busy"
START_ATTEMPT = """
    SELECT tokens_start_attempt(
        %(hold_id)s, %(provider)s, %(model)s, %(estimated_cost_usd)s, %(lease_seconds)s, %(estimated_price_kind)s)
"""
EXTEND_HOLD = f"""
    SELECT outcome, held_tokens, {IS_DURABLE} FROM tokens_extend_hold(%(hold_id)s, %(more_tokens)s, %(lease_seconds)s)
"""
CLOSE_HOLD = f"""
    SELECT outcome, charged_tokens, debt_tokens, absorbed_tokens, available_tokens, {IS_DURABLE}
    FROM tokens_close_hold(%(hold_id)s, %(state)s, %(logs)s, %(answer)s, %(answer_days)s)
"""
CLOSE_HOLDS = f"""
    SELECT place, outcome, charged_tokens, debt_tokens, absorbed_tokens, available_tokens, {IS_DURABLE}
    FROM tokens_close_holds(%(closings)s)
"""
GRANT = """
    SELECT allocation_id, created, differs FROM tokens_grant(
        %(company_id)s, %(source)s, %(source_id)s, %(amount_tokens)s, %(priority)s, %(effective_at)s, %(expires_at)s,
        %(actor_id)s, %(reason_code)s)
"""
REFUND = """
    SELECT outcome, refund_id, tokens FROM tokens_refund(
        %(usage_log_id)s, %(amount_tokens)s, %(key)s, %(request_hash)s, %(actor_id)s, %(reason_code)s)
"""
CORRECT_COST = """
    SELECT outcome, correction_id FROM tokens_correct_cost(
        %(usage_log_id)s, %(kind)s, %(cost_delta_usd)s, %(sale_delta_usd)s, %(price_version_id)s, %(price_kind)s,
        %(key)s, %(request_hash)s, %(actor_id)s, %(reason_code)s)
"""
REVOKE = """
    SELECT outcome, tokens FROM tokens_revoke(
        %(allocation_id)s, %(amount_tokens)s, %(key)s, %(request_hash)s, %(actor_id)s, %(reason_code)s)
"""
ROLL_OVER = """
    SELECT tokens_roll_over(
        %(company_id)s, %(allocation_ids)s, %(max_tokens)s, %(source_id)s, %(priority)s, %(expires_at)s)
"""
CREATE_BUDGET = """
    SELECT tokens_create_budget(
        %(company_id)s, %(scope)s, %(scope_id)s, %(period)s, %(limit_tokens)s, %(action)s)
"""
COMPANIES_WITH_DUE_HOLDS = """
    SELECT DISTINCT company_id FROM tokens_hold WHERE state = 'open' AND lease_expires_at <= clock_timestamp()
"""
EXPIRE_HOLDS = """
    SELECT count(*) FILTER (WHERE tokens_expire_hold(id)) FROM (
        SELECT id FROM tokens_hold
        WHERE company_id = %(company_id)s AND state = 'open' AND lease_expires_at <= clock_timestamp()
        ORDER BY lease_expires_at LIMIT %(limit)s
    ) due
"""
HOLDS_WITH_LOST_ATTEMPTS = """
    SELECT DISTINCT t.hold_id FROM tokens_attempt t JOIN tokens_hold h ON h.id = t.hold_id
    WHERE t.state = 'open' AND h.state = 'expired'
      AND h.ended_at <= clock_timestamp() - make_interval(secs => %(grace_seconds)s)
    LIMIT %(limit)s
"""
MARK_UNKNOWN = "SELECT tokens_mark_unknown(%(hold_id)s)"
ALLOCATIONS_PAST_EXPIRY = """
    SELECT id FROM tokens_allocation
    WHERE expires_at <= clock_timestamp()
      AND allocated_tokens > used_tokens + held_tokens + expired_tokens + revoked_tokens
    ORDER BY expires_at LIMIT %(limit)s
"""
EXPIRE_ALLOCATION = "SELECT tokens_expire_allocation(%(allocation_id)s)"
MAKE_PARTITIONS = "SELECT tokens_make_partitions(%(months_ahead)s)"
REBUILD_COUNTERS = "SELECT tokens_rebuild_counters(%(company_id)s)"
ENTER_MISSING = "SELECT tokens_enter_missing(%(usage_log_id)s, %(actor_id)s)"
