-- law: 2
-- What every allocation holds equals the parts of its open holds.
WITH held AS (
    SELECT part.allocation_id, sum(part.tokens) AS tokens
    FROM tokens_hold h JOIN tokens_hold_part part ON part.hold_id = h.id
    WHERE h.state = 'open' AND (%(company_id)s::bigint IS NULL OR h.company_id = %(company_id)s)
    GROUP BY part.allocation_id
)
SELECT a.company_id, a.id::text AS subject,
       format('counter says %s held, open holds say %s', a.held_tokens, coalesce(held.tokens, 0)) AS detail
FROM tokens_allocation a LEFT JOIN held ON held.allocation_id = a.id
WHERE (%(company_id)s::bigint IS NULL OR a.company_id = %(company_id)s)
  AND a.held_tokens <> coalesce(held.tokens, 0)
