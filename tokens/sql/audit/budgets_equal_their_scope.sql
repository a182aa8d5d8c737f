-- law: 7
-- Budget counters equal the usage and the open holds in their scope and period.
WITH moved AS (
    SELECT company_id, company_day, charged_tokens + own_key_tokens AS used, 0::bigint AS held, operation, job_id, user_id, api_key_id
    FROM tokens_usage_log WHERE %(company_id)s::bigint IS NULL OR company_id = %(company_id)s
    UNION ALL
    SELECT company_id, company_day, 0, held_tokens, operation, job_id, user_id, api_key_id
    FROM tokens_hold WHERE state = 'open' AND (%(company_id)s::bigint IS NULL OR company_id = %(company_id)s)
), counted AS (
    SELECT b.id AS budget_id, tokens_period_start(b.period, m.company_day) AS period_start,
           sum(m.used) AS used, sum(m.held) AS held
    FROM tokens_budget b JOIN moved m ON m.company_id = b.company_id
     AND tokens_in_scope(b.scope, b.scope_id, m.operation, m.job_id, m.user_id, m.api_key_id)
    GROUP BY 1, 2
)
SELECT b.company_id, format('%s from %s', b.id, coalesce(u.period_start, c.period_start)) AS subject,
       format('counters say used %s, held %s; rows say %s, %s',
              u.used_tokens, u.held_tokens, coalesce(c.used, 0), coalesce(c.held, 0)) AS detail
FROM counted c
FULL JOIN tokens_budget_use u ON u.budget_id = c.budget_id AND u.period_start = c.period_start
JOIN tokens_budget b ON b.id = coalesce(u.budget_id, c.budget_id)
WHERE (%(company_id)s::bigint IS NULL OR b.company_id = %(company_id)s)
  AND (coalesce(u.used_tokens, 0) <> coalesce(c.used, 0) OR coalesce(u.held_tokens, 0) <> coalesce(c.held, 0))
