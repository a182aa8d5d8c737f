-- law: 4
-- Every attempt that reached its provider has one usage log, and it is the one that it names.
SELECT h.company_id, format('%s/%s', t.hold_id, t.number) AS subject,
       format('attempt is %s; usage log %s does not match', t.state, coalesce(t.usage_log_id::text, 'missing')) AS detail
FROM tokens_attempt t
JOIN tokens_hold h ON h.id = t.hold_id
LEFT JOIN tokens_usage_log log ON log.id = t.usage_log_id AND log.hold_id = t.hold_id AND log.attempt_number = t.number
WHERE (%(company_id)s::bigint IS NULL OR h.company_id = %(company_id)s)
  AND (%(buckets)s::integer[] IS NULL OR uuid_hash(t.hold_id) & 1023 = ANY (%(buckets)s))
  AND (t.state IN ('succeeded', 'refused', 'failed', 'unknown')) <> (log.id IS NOT NULL)
