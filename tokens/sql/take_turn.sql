CREATE OR REPLACE FUNCTION tokens_take_turn(p_company_id bigint, p_may_wait boolean DEFAULT true) RETURNS tokens_account
LANGUAGE plpgsql AS $$
-- Wait until it is this call's turn to move the company's tokens, and return its account, locked until the commit.
-- Who may not wait gets NULL when it is somebody else's turn: a transaction that moves the tokens of several companies
-- would have them wait for one another. docs/decisions/0008-movements-in-groups.md
-- Who does not have to wait notices nothing. Who does commits without waiting for the disk, or the company would make
-- one movement per write of the disk; whoever called makes the movement durable afterwards, together with many others
-- (MAKE_DURABLE in calls.py). Until then it can be lost, but never before what was built on it: the database writes
-- its log in order. docs/decisions/0006-hot-companies.md
DECLARE
    queue CONSTANT integer := 'tokens_account'::regclass::oid::integer;
    account tokens_account;
BEGIN
    IF NOT p_may_wait THEN
        IF pg_try_advisory_xact_lock(queue, hashint8(p_company_id)) THEN
            SELECT * INTO account FROM tokens_account a WHERE a.company_id = p_company_id FOR NO KEY UPDATE SKIP LOCKED;
        END IF;
        RETURN account;
    END IF;
    -- An advisory lock goes from one to the next; for a locked row all that wait are woken, and begin anew.
    IF NOT pg_try_advisory_xact_lock(queue, hashint8(p_company_id)) THEN
        PERFORM set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock(queue, hashint8(p_company_id));
    END IF;
    -- The row lock does more: for its sake the commit of a repeat, which writes nothing, flushes what it tells of.
    SELECT * INTO account FROM tokens_account a WHERE a.company_id = p_company_id FOR NO KEY UPDATE;
    RETURN account;
END
$$;

CREATE OR REPLACE FUNCTION tokens_take_turns(
    p_calls jsonb  -- an array of what tokens_place_holds or tokens_close_holds is given: each names a company or a hold
) RETURNS bigint[]
LANGUAGE plpgsql AS $$
-- Take the turns of those companies whose turn nobody else has, without waiting; return those of them that owe nothing.
BEGIN
    RETURN ARRAY(
        SELECT account.company_id
        FROM jsonb_array_elements(p_calls) call
        CROSS JOIN LATERAL (
            SELECT a.company_id, a.debt_tokens FROM tokens_account a
            WHERE a.company_id = coalesce(
                    (call ->> 'company_id')::bigint,
                    (SELECT h.company_id FROM tokens_hold h WHERE h.id = (call ->> 'hold_id')::uuid))
              AND pg_try_advisory_xact_lock('tokens_account'::regclass::oid::integer, hashint8(a.company_id))
            FOR NO KEY UPDATE SKIP LOCKED
        ) account
        WHERE account.debt_tokens = 0
    );
END
$$;
