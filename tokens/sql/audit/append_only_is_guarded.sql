-- law: 6
-- The triggers that refuse change are in place and enabled on the ledger, its seals, the usage log and its partitions.
WITH guarded AS (
    SELECT 'tokens_ledger_entry'::regclass AS id UNION ALL SELECT 'tokens_seal'::regclass
    UNION ALL SELECT 'tokens_usage_log'::regclass
    UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = 'tokens_usage_log'::regclass
), found AS (
    SELECT g.id,
           bool_or(t.tgtype & 1 = 1 AND t.tgtype & 24 = 24) AS refuses_rows,
           bool_or(t.tgtype & 32 = 32) AS refuses_truncate
    FROM guarded g
    LEFT JOIN pg_trigger t ON t.tgrelid = g.id AND t.tgfoid = 'tokens_refuse_change'::regproc AND t.tgenabled IN ('O', 'A')
    GROUP BY g.id
)
SELECT NULL::bigint AS company_id, id::regclass::text AS subject, 'a trigger of the append-only rule is missing or disabled' AS detail
FROM found WHERE NOT coalesce(refuses_rows AND refuses_truncate, false)
