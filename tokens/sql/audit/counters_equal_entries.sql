-- law: 2
-- The counters of every allocation equal the sums of its ledger entries.
WITH entered AS (
    SELECT allocation_id,
           coalesce(sum(delta_tokens) FILTER (WHERE kind = 'grant'), 0) AS allocated,
           -coalesce(sum(delta_tokens) FILTER (WHERE kind IN ('usage', 'refund', 'debt_repayment')), 0) AS used,
           -coalesce(sum(delta_tokens) FILTER (WHERE kind = 'expiry'), 0) AS expired,
           -coalesce(sum(delta_tokens) FILTER (WHERE kind = 'revocation'), 0) AS revoked
    FROM tokens_ledger_entry
    WHERE allocation_id IS NOT NULL AND (%(company_id)s::bigint IS NULL OR company_id = %(company_id)s)
    GROUP BY allocation_id
)
SELECT a.company_id, a.id::text AS subject,
       format('counters say allocated %s, used %s, expired %s, revoked %s; entries say %s, %s, %s, %s',
              a.allocated_tokens, a.used_tokens, a.expired_tokens, a.revoked_tokens,
              coalesce(e.allocated, 0), coalesce(e.used, 0), coalesce(e.expired, 0), coalesce(e.revoked, 0)) AS detail
FROM tokens_allocation a LEFT JOIN entered e ON e.allocation_id = a.id
WHERE (%(company_id)s::bigint IS NULL OR a.company_id = %(company_id)s)
  AND (a.allocated_tokens, a.used_tokens, a.expired_tokens, a.revoked_tokens) IS DISTINCT FROM
      (coalesce(e.allocated, 0), coalesce(e.used, 0), coalesce(e.expired, 0), coalesce(e.revoked, 0))
