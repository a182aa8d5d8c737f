-- law: 6
-- The role that the product runs as cannot change, empty or own the append-only tables.
SELECT NULL::bigint AS company_id, c.relname::text AS subject, 'winnow_app may write it directly' AS detail
FROM pg_class c
WHERE to_regrole('winnow_app') IS NOT NULL
  AND (c.oid IN ('tokens_ledger_entry'::regclass, 'tokens_seal'::regclass, 'tokens_usage_log'::regclass)
       OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'tokens_usage_log'::regclass))
  AND (c.relowner = to_regrole('winnow_app')
       OR has_table_privilege(to_regrole('winnow_app'), c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
