-- law: 4
-- Every usage entry has its usage log, of the same company.
SELECT e.company_id, e.id::text AS subject, format('usage log %s is missing or of another company', e.usage_log_id) AS detail
FROM tokens_ledger_entry e
LEFT JOIN tokens_usage_log log ON log.id = e.usage_log_id AND log.company_id = e.company_id
WHERE e.usage_log_id IS NOT NULL AND log.id IS NULL
  AND (%(company_id)s::bigint IS NULL OR e.company_id = %(company_id)s)
  AND (%(buckets)s::integer[] IS NULL OR coalesce(uuid_hash(e.hold_id), 0) & 1023 = ANY (%(buckets)s))
