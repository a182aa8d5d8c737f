CREATE OR REPLACE FUNCTION tokens_start_attempt(
    p_hold_id uuid,
    p_provider text,
    p_model text,
    p_estimated_cost_usd numeric,
    p_lease_seconds integer,
    p_estimated_price_kind text DEFAULT 'listed'
) RETURNS smallint
LANGUAGE plpgsql AS $$
-- Write the next attempt of an open hold and renew its lease; returns its number, or NULL when the hold has ended.
DECLARE
    new_number smallint;
BEGIN
    UPDATE tokens_hold SET lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
    WHERE id = p_hold_id AND state = 'open';
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO tokens_attempt (hold_id, number, provider, model, estimated_cost_usd, estimated_price_kind)
    SELECT p_hold_id, max(number) + 1, p_provider, p_model, p_estimated_cost_usd, p_estimated_price_kind
    FROM tokens_attempt WHERE hold_id = p_hold_id
    RETURNING number INTO new_number;
    RETURN new_number;
END
$$;
