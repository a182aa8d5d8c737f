-- Rules of the ledger that Django's migrations cannot express.

-- Entries are append-only (law 6).
CREATE TRIGGER tokens_ledger_entry_append_only BEFORE UPDATE OR DELETE ON tokens_ledger_entry
    FOR EACH ROW EXECUTE FUNCTION tokens_refuse_change();
CREATE TRIGGER tokens_ledger_entry_keep BEFORE TRUNCATE ON tokens_ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_refuse_change();

-- Nothing of one company can point at another's allocation or hold.
ALTER TABLE tokens_hold_part
    ADD CONSTRAINT tokens_hold_part_same_company_hold
        FOREIGN KEY (company_id, hold_id) REFERENCES tokens_hold (company_id, id),
    ADD CONSTRAINT tokens_hold_part_same_company_allocation
        FOREIGN KEY (company_id, allocation_id) REFERENCES tokens_allocation (company_id, id);
ALTER TABLE tokens_ledger_entry
    ADD CONSTRAINT tokens_ledger_entry_same_company_allocation
        FOREIGN KEY (company_id, allocation_id) REFERENCES tokens_allocation (company_id, id);

ALTER TABLE tokens_ledger_entry
    ADD CONSTRAINT tokens_ledger_entry_allocation_unless_debt CHECK ((kind = 'debt') = (allocation_id IS NULL)),
    ADD CONSTRAINT tokens_ledger_entry_sign_of_kind CHECK (CASE kind
        WHEN 'grant' THEN delta_tokens > 0
        WHEN 'refund' THEN delta_tokens > 0
        WHEN 'debt' THEN delta_tokens <> 0
        ELSE delta_tokens < 0 END);

-- What has ended says when.
ALTER TABLE tokens_hold ADD CONSTRAINT tokens_hold_ended_has_time CHECK ((state = 'open') = (ended_at IS NULL));
ALTER TABLE tokens_attempt ADD CONSTRAINT tokens_attempt_ended_has_time CHECK ((state = 'open') = (ended_at IS NULL));

-- A hold ends once; an expired hold may still be settled, once (law 5).
CREATE FUNCTION tokens_check_hold_end() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'open' OR (OLD.state = 'expired' AND NEW.state = 'settled') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'hold % is % and cannot become %', OLD.id, OLD.state, NEW.state
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER tokens_hold_ends_once BEFORE UPDATE OF state ON tokens_hold
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION tokens_check_hold_end();
