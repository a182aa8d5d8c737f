-- law: 5
-- A settled hold was charged what its usage logs say; any other hold was charged nothing.
WITH logged AS (
    SELECT hold_id, sum(charged_tokens) AS tokens FROM tokens_usage_log
    WHERE kind = 'call' AND (%(company_id)s::bigint IS NULL OR company_id = %(company_id)s)
      AND (%(buckets)s::integer[] IS NULL OR uuid_hash(hold_id) & 1023 = ANY (%(buckets)s))
    GROUP BY hold_id
)
SELECT h.company_id, h.id::text AS subject,
       format('%s hold, charged %s; its usage logs say %s', h.state, h.charged_tokens, coalesce(logged.tokens, 0)) AS detail
FROM tokens_hold h LEFT JOIN logged ON logged.hold_id = h.id
WHERE (%(company_id)s::bigint IS NULL OR h.company_id = %(company_id)s)
  AND (%(buckets)s::integer[] IS NULL OR uuid_hash(h.id) & 1023 = ANY (%(buckets)s))
  AND ((h.state = 'settled' AND h.charged_tokens IS DISTINCT FROM coalesce(logged.tokens, 0))
       OR (h.state <> 'settled' AND coalesce(logged.tokens, 0) <> 0))
