-- law: 3
-- A company's true balance (free and held tokens less debt) equals the plain sum of its entries.
WITH entered AS (
    SELECT company_id, sum(delta_tokens) AS tokens, -coalesce(sum(delta_tokens) FILTER (WHERE kind = 'debt'), 0) AS debt
    FROM tokens_ledger_entry WHERE %(company_id)s::bigint IS NULL OR company_id = %(company_id)s GROUP BY company_id
), counted AS (
    SELECT company_id, sum(allocated_tokens - used_tokens - expired_tokens - revoked_tokens) AS tokens
    FROM tokens_allocation WHERE %(company_id)s::bigint IS NULL OR company_id = %(company_id)s GROUP BY company_id
)
SELECT account.company_id, account.company_id::text AS subject,
       format('counters say %s with debt %s, entries say %s with debt %s',
              coalesce(counted.tokens, 0) - account.debt_tokens, account.debt_tokens,
              coalesce(entered.tokens, 0), coalesce(entered.debt, 0)) AS detail
FROM tokens_account account
LEFT JOIN entered USING (company_id) LEFT JOIN counted USING (company_id)
WHERE (%(company_id)s::bigint IS NULL OR account.company_id = %(company_id)s)
  AND (coalesce(counted.tokens, 0) - account.debt_tokens <> coalesce(entered.tokens, 0)
       OR account.debt_tokens <> coalesce(entered.debt, 0))
