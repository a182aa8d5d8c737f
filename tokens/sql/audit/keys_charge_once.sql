-- law: 5
-- Under one idempotency key a company is charged for one call; what else was made under it is absorbed.
WITH settled_again AS (
    SELECT company_id, key FROM tokens_hold
    WHERE state = 'settled' AND key IS NOT NULL AND (%(company_id)s::bigint IS NULL OR company_id = %(company_id)s)
      AND (%(buckets)s::integer[] IS NULL OR 1024 + (hashtextextended(key, company_id) & 8191) = ANY (%(buckets)s))
    GROUP BY company_id, key HAVING count(*) > 1
)
SELECT h.company_id, h.key::text AS subject, format('%s calls of this key were charged', count(DISTINCT h.id)) AS detail
FROM settled_again
JOIN tokens_hold h USING (company_id, key)
JOIN tokens_usage_log log ON log.hold_id = h.id AND log.kind = 'call' AND log.charged_tokens > log.absorbed_tokens
GROUP BY h.company_id, h.key HAVING count(DISTINCT h.id) > 1
