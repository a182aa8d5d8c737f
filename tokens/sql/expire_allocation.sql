CREATE OR REPLACE FUNCTION tokens_expire_allocation(p_allocation_id uuid) RETURNS bigint
LANGUAGE plpgsql AS $$
-- Write off what is free on an allocation past its expiry; returns the tokens. What is held stays usable until its
-- hold ends; what comes back then is written off by a later call.
DECLARE
    allocation tokens_allocation;
    expiring bigint;
BEGIN
    PERFORM 1 FROM tokens_account acc
    JOIN tokens_allocation al ON al.company_id = acc.company_id WHERE al.id = p_allocation_id FOR NO KEY UPDATE OF acc;
    SELECT * INTO STRICT allocation FROM tokens_allocation WHERE id = p_allocation_id;
    expiring := allocation.allocated_tokens - allocation.used_tokens - allocation.held_tokens
        - allocation.expired_tokens - allocation.revoked_tokens;
    IF expiring = 0 OR allocation.expires_at IS NULL OR allocation.expires_at > clock_timestamp() THEN
        RETURN 0;
    END IF;
    UPDATE tokens_allocation SET expired_tokens = expired_tokens + expiring WHERE id = p_allocation_id;
    INSERT INTO tokens_ledger_entry (company_id, allocation_id, kind, delta_tokens, company_day)
    VALUES (allocation.company_id, p_allocation_id, 'expiry', -expiring,
            tokens_company_day(allocation.company_id, clock_timestamp()));
    RETURN expiring;
END
$$;
