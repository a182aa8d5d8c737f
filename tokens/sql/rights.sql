-- What the product's role may do to the ledger: read it, and call the functions that move tokens. It owns nothing, so
-- that not even a defect or an intrusion in the product can write an entry by hand or change one (law 6).
-- Set-up of the two roles: docs/operations.md. Without the role (a developer's single-role database) this does nothing.

ALTER FUNCTION tokens_place_hold SECURITY DEFINER SET search_path = public, pg_temp;
ALTER FUNCTION tokens_place_holds SECURITY DEFINER SET search_path = public, pg_temp;
ALTER FUNCTION tokens_extend_hold SECURITY DEFINER SET search_path = public, pg_temp;
ALTER FUNCTION tokens_start_attempt SECURITY DEFINER SET search_path = public, pg_temp;
ALTER FUNCTION tokens_close_hold SECURITY DEFINER SET search_path = public, pg_temp;
ALTER FUNCTION tokens_close_holds SECURITY DEFINER SET search_path = public, pg_temp;
ALTER FUNCTION tokens_expire_hold SECURITY DEFINER SET search_path = public, pg_temp;
ALTER FUNCTION tokens_mark_unknown SECURITY DEFINER SET search_path = public, pg_temp;
ALTER FUNCTION tokens_grant SECURITY DEFINER SET search_path = public, pg_temp;
ALTER FUNCTION tokens_expire_allocation SECURITY DEFINER SET search_path = public, pg_temp;
ALTER FUNCTION tokens_create_budget SECURITY DEFINER SET search_path = public, pg_temp;

CREATE OR REPLACE FUNCTION tokens_limit_product_role() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    guarded regclass;
BEGIN
    IF to_regrole('winnow_app') IS NULL THEN
        RETURN;
    END IF;
    FOREACH guarded IN ARRAY ARRAY[
        'tokens_account', 'tokens_allocation', 'tokens_hold', 'tokens_hold_part', 'tokens_attempt',
        'tokens_idempotency_key', 'tokens_answer', 'tokens_budget', 'tokens_budget_use', 'tokens_ledger_entry',
        'tokens_usage_log']::regclass[]
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM winnow_app', guarded);
        EXECUTE format('GRANT SELECT ON %s TO winnow_app', guarded);
    END LOOP;
    FOR guarded IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'tokens_usage_log'::regclass LOOP
        EXECUTE format('REVOKE ALL ON %s FROM winnow_app', guarded);
    END LOOP;
    GRANT UPDATE (overdraft_policy) ON tokens_account TO winnow_app;
    GRANT UPDATE (limit_tokens, action, is_active) ON tokens_budget TO winnow_app;
    GRANT DELETE ON tokens_answer TO winnow_app;  -- retention and erasure
END
$$;
SELECT tokens_limit_product_role();
