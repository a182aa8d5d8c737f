CREATE OR REPLACE FUNCTION tokens_revoke(
    p_allocation_id uuid, p_tokens bigint, p_key text, p_request_hash bytea, p_actor_id bigint, p_reason_code text
) RETURNS TABLE (outcome text, tokens bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
-- Take free tokens of an allocation back (a charge-back, a grant by mistake), at most what is free:
--   revoked (tokens: how many) · replayed · key_conflict. What is held or used stays.
DECLARE
    allocation tokens_allocation;
    known record;
    amount bigint;
BEGIN
    PERFORM 1 FROM tokens_account acc
    JOIN tokens_allocation al ON al.company_id = acc.company_id WHERE al.id = p_allocation_id FOR NO KEY UPDATE OF acc;
    SELECT * INTO STRICT allocation FROM tokens_allocation WHERE id = p_allocation_id;
    SELECT k.request_hash <> p_request_hash AS differs INTO known FROM tokens_idempotency_key k
    WHERE k.company_id = allocation.company_id AND k.scope = 'revocation' AND k.key = p_key;
    IF FOUND THEN
        RETURN QUERY SELECT CASE WHEN known.differs THEN 'key_conflict' ELSE 'replayed' END, 0::bigint;
        RETURN;
    END IF;
    amount := least(p_tokens, allocation.allocated_tokens - allocation.used_tokens - allocation.held_tokens
        - allocation.expired_tokens - allocation.revoked_tokens);
    IF amount > 0 THEN
        UPDATE tokens_allocation SET revoked_tokens = revoked_tokens + amount WHERE id = p_allocation_id;
        INSERT INTO tokens_ledger_entry (
            company_id, allocation_id, kind, delta_tokens, actor_id, reason_code, company_day)
        VALUES (allocation.company_id, p_allocation_id, 'revocation', -amount, p_actor_id, p_reason_code,
                tokens_company_day(allocation.company_id, clock_timestamp()));
    END IF;
    INSERT INTO tokens_idempotency_key (company_id, scope, key, request_hash, result_id)
    VALUES (allocation.company_id, 'revocation', p_key, p_request_hash, p_allocation_id);
    RETURN QUERY SELECT 'revoked', greatest(0, amount);
END
$$;
