-- Where the audit has to look closely. Five of its rules compare two tables row by row, and for millions of rows those
-- joins take longer than all the rest. So the rows are added up first, what must come out even with opposite signs, each
-- number times a weight drawn from its ids and the run's seed, in buckets by the hash of the hold (0 to 1023) or of the
-- key (from 1024). A bucket that does not come to nothing is returned, and looked at row by row. What can hide:
-- tokens/selectors/audit.py.
WITH weighed AS (
    -- What a log says was paid and owed: charges_are_accounted_for, usage_entries_have_logs
    SELECT coalesce(uuid_hash(hold_id), 0) & 1023 AS bucket,
           (1 + (uuid_hash_extended(id, %(seed)s::bigint # company_id) & 1048575))
               * (charged_tokens - debt_tokens - absorbed_tokens)
           + CASE WHEN debt_tokens = 0 THEN 0 ELSE
               (1 + (uuid_hash_extended(id, %(seed)s::bigint # ~company_id) & 1048575)) * debt_tokens END
           + CASE WHEN kind <> 'call' THEN 0 ELSE
               -- what its hold was charged: holds_ended_as_charged
               (1 + (uuid_hash_extended(hold_id, %(seed)s::bigint) & 1048575)) * charged_tokens
               -- that its attempt names it: attempts_have_their_logs
               + 1 + (uuid_hash_extended(id, %(seed)s::bigint # uuid_hash(hold_id) # attempt_number) & 1048575) END
               AS amount
    FROM tokens_usage_log
    UNION ALL
    SELECT coalesce(uuid_hash(hold_id), 0) & 1023,
           (1 + (uuid_hash_extended(usage_log_id,
               %(seed)s::bigint # CASE kind WHEN 'debt' THEN ~company_id ELSE company_id END) & 1048575)) * delta_tokens
    FROM tokens_ledger_entry WHERE usage_log_id IS NOT NULL
    UNION ALL
    SELECT uuid_hash(id) & 1023,
           -(1 + (uuid_hash_extended(id, %(seed)s::bigint) & 1048575)) * coalesce(charged_tokens, -1)
    FROM tokens_hold WHERE state = 'settled'
    UNION ALL
    SELECT uuid_hash(hold_id) & 1023,
           -coalesce(1 + (uuid_hash_extended(usage_log_id, %(seed)s::bigint # uuid_hash(hold_id) # number) & 1048575), 1)
    FROM tokens_attempt WHERE state IN ('succeeded', 'refused', 'failed', 'unknown')
    UNION ALL
    -- Whether more than one hold was placed under a key: keys_charge_once
    SELECT 1024 + (hashtextextended(key, company_id) & 8191)::integer,
           1 + (hashtextextended(key, %(seed)s::bigint # company_id) & 1048575)
    FROM tokens_hold WHERE key IS NOT NULL
    UNION ALL
    SELECT 1024 + (hashtextextended(key, company_id) & 8191)::integer,
           -(1 + (hashtextextended(key, %(seed)s::bigint # company_id) & 1048575))
    FROM tokens_idempotency_key WHERE scope = 'call'
)
SELECT bucket FROM weighed GROUP BY bucket HAVING sum(amount) <> 0
