-- Where the audit has to look closely. Five of its rules compare two tables row by row, and for millions of rows those
-- joins take longer than all the rest. So the rows are added up first, each number times a weight drawn from its ids and
-- the run's seed, in buckets by the hash of the hold (0 to 1023) or of the key (from 1024). A bucket whose two tables
-- do not come to the same is returned, and looked at row by row. What can hide: tokens/selectors/audit.py.
-- The rules: charges_are_accounted_for and usage_entries_have_logs (paid, owed), holds_ended_as_charged (charged),
-- attempts_have_their_logs (attempted), keys_charge_once (keyed: a key under which more than one hold was placed).
WITH weighed AS (
    SELECT coalesce(uuid_hash(hold_id), 0) & 1023 AS bucket,
           (1 + (uuid_hash_extended(id, %(seed)s::bigint # company_id) & 1048575)) * (charged_tokens - debt_tokens - absorbed_tokens) AS paid,
           (1 + (uuid_hash_extended(id, %(seed)s::bigint # company_id) & 1048575)) * debt_tokens AS owed,
           CASE kind WHEN 'call' THEN (1 + (uuid_hash_extended(hold_id, %(seed)s::bigint) & 1048575)) * charged_tokens END AS charged,
           CASE kind WHEN 'call' THEN
               1 + (uuid_hash_extended(id, %(seed)s::bigint # uuid_hash(hold_id) # attempt_number) & 1048575) END AS attempted,
           NULL::bigint AS keyed
    FROM tokens_usage_log
    UNION ALL
    SELECT coalesce(uuid_hash(hold_id), 0) & 1023,
           CASE WHEN kind <> 'debt' THEN
               (1 + (uuid_hash_extended(usage_log_id, %(seed)s::bigint # company_id) & 1048575)) * delta_tokens END,
           CASE WHEN kind = 'debt' THEN
               (1 + (uuid_hash_extended(usage_log_id, %(seed)s::bigint # company_id) & 1048575)) * delta_tokens END,
           NULL, NULL, NULL
    FROM tokens_ledger_entry WHERE usage_log_id IS NOT NULL
    UNION ALL
    SELECT uuid_hash(id) & 1023, NULL, NULL,
           -(1 + (uuid_hash_extended(id, %(seed)s::bigint) & 1048575)) * coalesce(charged_tokens, -1), NULL, NULL
    FROM tokens_hold WHERE state = 'settled'
    UNION ALL
    SELECT uuid_hash(hold_id) & 1023, NULL, NULL, NULL,
           -coalesce(1 + (uuid_hash_extended(usage_log_id, %(seed)s::bigint # uuid_hash(hold_id) # number) & 1048575), 1), NULL
    FROM tokens_attempt WHERE state IN ('succeeded', 'refused', 'failed', 'unknown')
    UNION ALL
    SELECT 1024 + (hashtextextended(key, company_id) & 65535)::integer, NULL, NULL, NULL, NULL,
           1 + (hashtextextended(key, %(seed)s::bigint # company_id) & 1048575)
    FROM tokens_hold WHERE key IS NOT NULL
    UNION ALL
    SELECT 1024 + (hashtextextended(key, company_id) & 65535)::integer, NULL, NULL, NULL, NULL,
           -(1 + (hashtextextended(key, %(seed)s::bigint # company_id) & 1048575))
    FROM tokens_idempotency_key WHERE scope = 'call'
)
SELECT bucket FROM weighed GROUP BY bucket
HAVING sum(paid) <> 0 OR sum(owed) <> 0 OR sum(charged) <> 0 OR sum(attempted) <> 0 OR sum(keyed) <> 0
