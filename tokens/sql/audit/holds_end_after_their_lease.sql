-- law: 5
-- No hold stays open long after its lease: the sweeper gives it back.
SELECT company_id, id::text AS subject, format('open, lease ran out at %s', lease_expires_at) AS detail
FROM tokens_hold
WHERE state = 'open' AND lease_expires_at < clock_timestamp() - interval '5 minutes'
  AND (%(company_id)s::bigint IS NULL OR company_id = %(company_id)s)
