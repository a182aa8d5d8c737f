-- law: 4
-- Charged tokens of every call, its corrections included, equal its ledger entries, its debt and what was absorbed.
WITH entered AS (
    SELECT usage_log_id,
           -coalesce(sum(delta_tokens) FILTER (WHERE kind <> 'debt'), 0) AS paid,
           -coalesce(sum(delta_tokens) FILTER (WHERE kind = 'debt'), 0) AS debt
    FROM tokens_ledger_entry
    WHERE usage_log_id IS NOT NULL AND (%(company_id)s::bigint IS NULL OR company_id = %(company_id)s)
      AND (%(buckets)s::integer[] IS NULL OR coalesce(uuid_hash(hold_id), 0) & 1023 = ANY (%(buckets)s))
    GROUP BY usage_log_id
)
SELECT log.company_id, coalesce(log.corrects_id, log.id)::text AS subject,
       format('charged %s; entries %s, debt %s (entries of debt %s), absorbed %s',
              sum(log.charged_tokens), sum(coalesce(e.paid, 0)), sum(log.debt_tokens), sum(coalesce(e.debt, 0)),
              sum(log.absorbed_tokens)) AS detail
FROM tokens_usage_log log LEFT JOIN entered e ON e.usage_log_id = log.id
WHERE (%(company_id)s::bigint IS NULL OR log.company_id = %(company_id)s)
  AND (%(buckets)s::integer[] IS NULL OR coalesce(uuid_hash(log.hold_id), 0) & 1023 = ANY (%(buckets)s))
GROUP BY log.company_id, coalesce(log.corrects_id, log.id)
HAVING sum(log.charged_tokens - log.debt_tokens - log.absorbed_tokens - coalesce(e.paid, 0)) <> 0
    OR sum(log.debt_tokens - coalesce(e.debt, 0)) <> 0
