CREATE OR REPLACE FUNCTION tokens_free_tokens(p_company_id bigint, p_moment timestamptz)
RETURNS TABLE (id uuid, free bigint, burn_rank bigint)
LANGUAGE sql STABLE AS $$
    -- What new holds can take, allocation by allocation, ranked in burn order: priority, earliest expiry, oldest.
    SELECT a.id,
           a.allocated_tokens - a.used_tokens - a.held_tokens - a.expired_tokens - a.revoked_tokens,
           row_number() OVER (ORDER BY a.priority, a.expires_at NULLS LAST, a.created_at, a.id)
    FROM tokens_allocation a
    WHERE a.company_id = p_company_id
      AND a.effective_at <= p_moment
      AND (a.expires_at IS NULL OR a.expires_at > p_moment)
      AND a.allocated_tokens > a.used_tokens + a.held_tokens + a.expired_tokens + a.revoked_tokens
$$;

CREATE OR REPLACE FUNCTION tokens_company_day(p_company_id bigint, p_moment timestamptz) RETURNS date
LANGUAGE sql STABLE AS $$
    -- The date of that moment in the company's own zone.
    SELECT (p_moment AT TIME ZONE c.time_zone)::date FROM tenants_company c WHERE c.id = p_company_id
$$;
