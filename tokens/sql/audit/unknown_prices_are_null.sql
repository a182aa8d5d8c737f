-- law: 9
-- A price that is not known is null, never zero; and what is priced names its price version.
SELECT company_id, id::text AS subject,
       format('price %s, cost %s, version %s', price_kind, coalesce(provider_cost_usd::text, 'null'),
              coalesce(price_version_id::text, 'none')) AS detail
FROM tokens_usage_log
WHERE (%(company_id)s::bigint IS NULL OR company_id = %(company_id)s)
  AND ((price_kind = 'unpriced') <> (provider_cost_usd IS NULL)
       OR (price_kind IN ('listed', 'override', 'free') AND price_version_id IS NULL AND status <> 'unknown'))
