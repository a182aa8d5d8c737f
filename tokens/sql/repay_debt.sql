CREATE OR REPLACE FUNCTION tokens_repay_debt(p_company_id bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
-- Pay the company's debt from its free tokens, in burn order; returns what was repaid. The caller holds the lock
-- on the account. An entry for each allocation that pays, and one for the debt that is gone.
DECLARE
    moment timestamptz := clock_timestamp();
    repaid bigint;
BEGIN
    WITH burn AS (
        SELECT a.id, a.free, sum(a.free) OVER w - a.free AS before
        FROM tokens_free_tokens(p_company_id, moment) a
        WINDOW w AS (ORDER BY a.burn_rank)
    ), payment AS (
        SELECT burn.id AS allocation_id, least(burn.free, debt.debt_tokens - burn.before) AS tokens
        FROM burn, tokens_account debt
        WHERE debt.company_id = p_company_id AND burn.before < debt.debt_tokens
    ), moved AS (
        UPDATE tokens_allocation a SET used_tokens = a.used_tokens + payment.tokens
        FROM payment WHERE a.id = payment.allocation_id
    ), repayment AS (
        INSERT INTO tokens_ledger_entry (company_id, allocation_id, kind, delta_tokens, company_day)
        SELECT p_company_id, payment.allocation_id, 'debt_repayment', -payment.tokens, tokens_company_day(p_company_id, moment)
        FROM payment
        UNION ALL
        SELECT p_company_id, NULL, 'debt', sum(payment.tokens), tokens_company_day(p_company_id, moment)
        FROM payment HAVING sum(payment.tokens) > 0
    )
    SELECT coalesce(sum(payment.tokens), 0) INTO repaid FROM payment;

    IF repaid > 0 THEN
        UPDATE tokens_account SET debt_tokens = debt_tokens - repaid WHERE company_id = p_company_id;
    END IF;
    RETURN repaid;
END
$$;
