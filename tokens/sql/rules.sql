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
