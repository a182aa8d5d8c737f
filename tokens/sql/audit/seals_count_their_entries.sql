-- law: 8
-- Every entry below the last sealed transaction is counted in exactly one seal.
SELECT s.company_id, format('seal %s of company %s', s.number, s.company_id) AS subject,
       format('sealed %s entries of %s tokens, found %s of %s',
              s.entry_count, s.delta_tokens, found.entries, coalesce(found.tokens, 0)) AS detail
FROM tokens_seal s
CROSS JOIN LATERAL (
    SELECT count(*) AS entries, sum(e.delta_tokens) AS tokens FROM tokens_ledger_entry e
    WHERE e.company_id = s.company_id AND e.xact_id >= s.from_xact AND e.xact_id < s.to_xact
) found
WHERE (%(company_id)s::bigint IS NULL OR s.company_id = %(company_id)s)
  AND (s.entry_count, s.delta_tokens) IS DISTINCT FROM (found.entries, coalesce(found.tokens, 0))
