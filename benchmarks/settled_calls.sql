-- Settled calls, as tokens_place_hold and tokens_close_hold leave them, spread over companies and the last two weeks.
-- Written set by set by a superuser with the checks of foreign keys off: a million calls one by one would take an hour.
-- Placeholders: calls, and the companies' first and last id, each of which has one allocation.
SET LOCAL session_replication_role = replica;

CREATE TEMPORARY TABLE bench_call ON COMMIT DROP AS
SELECT uuidv7(shift) AS hold_id, uuidv7(shift + interval '1 second') AS log_id, uuidv7(shift + interval '2 second') AS entry_id,
       clock_timestamp() + shift AS placed_at, a.company_id, a.id AS allocation_id, 500 + call.number %% 1000 AS tokens
FROM generate_series(1, %(calls)s::bigint) call (number)
CROSS JOIN LATERAL (SELECT (call.number - %(calls)s) * interval '14 days' / %(calls)s - interval '1 minute' AS shift) moment
JOIN tokens_allocation a
  ON a.company_id = %(first_company)s + call.number * 7919 %% (%(last_company)s - %(first_company)s + 1);

INSERT INTO tokens_hold (id, company_id, key, state, needed_tokens, held_tokens, charged_tokens, company_day, placed_at,
    lease_expires_at, ended_at, operation)
SELECT hold_id, company_id, 'step/' || hold_id, 'settled', 2 * tokens, 2 * tokens, tokens, placed_at::date, placed_at,
    placed_at + interval '2 minutes', placed_at + interval '2 seconds', 'scoring'
FROM bench_call;

INSERT INTO tokens_idempotency_key (company_id, scope, key, request_hash, result_id)
SELECT company_id, 'call', 'step/' || hold_id, sha256(uuid_send(hold_id)), hold_id FROM bench_call;

INSERT INTO tokens_hold_part (company_id, hold_id, allocation_id, tokens)
SELECT company_id, hold_id, allocation_id, 2 * tokens FROM bench_call;

INSERT INTO tokens_attempt (hold_id, number, provider, model, state, started_at, ended_at, usage_log_id)
SELECT hold_id, 1, 'openai', 'gpt-6-luna', 'succeeded', placed_at, placed_at + interval '2 seconds', log_id
FROM bench_call;

INSERT INTO tokens_usage_log (id, company_id, hold_id, attempt_number, kind, operation, provider, model, status,
    usage_source, started_at, duration_ms, input_tokens, output_tokens, input_uncached_tokens, charged_tokens,
    company_day, recorded_at)
SELECT log_id, company_id, hold_id, 1, 'call', 'scoring', 'openai', 'gpt-6-luna', 'succeeded', 'provider', placed_at,
    2000, tokens - 100, 100, tokens - 100, tokens, placed_at::date, placed_at + interval '2 seconds'
FROM bench_call;

INSERT INTO tokens_ledger_entry (id, company_id, allocation_id, kind, delta_tokens, usage_log_id, hold_id, company_day,
    recorded_at)
SELECT entry_id, company_id, allocation_id, 'usage', -tokens, log_id, hold_id, placed_at::date,
    placed_at + interval '2 seconds'
FROM bench_call;

UPDATE tokens_allocation a SET used_tokens = a.used_tokens + called.tokens
FROM (SELECT allocation_id, sum(tokens) AS tokens FROM bench_call GROUP BY 1) called WHERE a.id = called.allocation_id;
