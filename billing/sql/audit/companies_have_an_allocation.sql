-- law: 0
-- Every company has a current subscription and has been granted tokens (requirement A7).
SELECT c.id AS company_id, c.id::text AS subject,
       format('%s has %s and %s', c.slug,
              CASE WHEN s.id IS NULL THEN 'no current subscription' ELSE 'a subscription' END,
              CASE WHEN a.company_id IS NULL THEN 'no allocation' ELSE 'an allocation' END) AS detail
FROM tenants_company c
LEFT JOIN billing_subscription s ON s.company_id = c.id AND s.is_current
LEFT JOIN (SELECT DISTINCT company_id FROM tokens_allocation) a ON a.company_id = c.id
WHERE (s.id IS NULL OR a.company_id IS NULL) AND (%(company_id)s::bigint IS NULL OR c.id = %(company_id)s)
