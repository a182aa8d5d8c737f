CREATE OR REPLACE FUNCTION tokens_burn_rank_of(
    p_priority smallint, p_expires_at timestamptz, p_created_at timestamptz, p_id uuid
) RETURNS tokens_burn_rank
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- The place of an allocation in burn order: priority, earliest expiry, oldest.
    SELECT ROW(p_priority, coalesce(p_expires_at, 'infinity'), p_created_at, p_id)::tokens_burn_rank
$$;

CREATE OR REPLACE FUNCTION tokens_free_tokens(p_company_id bigint, p_moment timestamptz)
RETURNS TABLE (id uuid, free bigint, burn_rank tokens_burn_rank)
LANGUAGE sql STABLE AS $$
    -- What new holds can take, allocation by allocation. No window function ranks them: so this becomes a part of the
    -- statement that asks, and costs no rank where only the sum is asked for.
    SELECT a.id,
           a.allocated_tokens - a.used_tokens - a.held_tokens - a.expired_tokens - a.revoked_tokens,
           tokens_burn_rank_of(a.priority, a.expires_at, a.created_at, a.id)
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
