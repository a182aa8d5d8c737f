-- law: 8
-- A company's seals follow each other without gap or overlap, day after day, each over the hash and balance before it.
WITH chained AS (
    SELECT s.*,
           lag(s.number, 1, 0) OVER of_company AS number_before,
           lag(s.to_xact, 1, '0'::xid8) OVER of_company AS end_before,
           lag(s.sha256::text, 1, repeat('0', 64)) OVER of_company AS sha256_before,
           lag(s.balance_tokens, 1, 0::bigint) OVER of_company AS balance_before,
           lag(s.company_day + s.closes_day::int) OVER of_company AS open_day
    FROM tokens_seal s
    WHERE %(company_id)s::bigint IS NULL OR s.company_id = %(company_id)s
    WINDOW of_company AS (PARTITION BY s.company_id ORDER BY s.number)
)
SELECT company_id, format('seal %s of company %s', number, company_id) AS subject,
       format('after seal %s, from %s instead of %s, balance %s after %s and %s, day %s',
              number_before, from_xact, end_before, balance_tokens, balance_before, delta_tokens, company_day) AS detail
FROM chained
WHERE number <> number_before + 1 OR from_xact <> end_before OR previous_sha256 <> sha256_before
   OR balance_tokens <> balance_before + delta_tokens OR company_day < open_day
