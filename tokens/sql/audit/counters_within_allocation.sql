-- law: 1
-- On every allocation, used + held + expired + revoked lie between 0 and allocated.
SELECT company_id, id::text AS subject,
       format('used %s, held %s, expired %s, revoked %s of %s allocated',
              used_tokens, held_tokens, expired_tokens, revoked_tokens, allocated_tokens) AS detail
FROM tokens_allocation
WHERE (%(company_id)s::bigint IS NULL OR company_id = %(company_id)s)
  AND (least(used_tokens, held_tokens, expired_tokens, revoked_tokens) < 0
       OR used_tokens + held_tokens + expired_tokens + revoked_tokens > allocated_tokens)
