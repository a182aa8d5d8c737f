-- Rules over several columns of a row: docs/decisions/0009-row-rules.md. A CHECK is parsed and prepared anew by every
-- statement that writes to its table, whatever it writes; a function is compiled once in a session. ENABLE ALWAYS: they
-- hold whatever session_replication_role says. After the row is written, so that no trigger can change it any more.
-- An error names the broken rule, as a CHECK's does.

CREATE FUNCTION tokens_refuse_row(p_table text, p_rule text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'row of "%" violates check constraint "%"', p_table, p_rule
        USING ERRCODE = 'check_violation', TABLE = p_table, CONSTRAINT = p_rule;
END
$$;

CREATE FUNCTION tokens_check_allocation() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.allocated_tokens < NEW.used_tokens + NEW.held_tokens + NEW.expired_tokens + NEW.revoked_tokens THEN
        PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_allocation_not_overdrawn');
    END IF;
    IF NEW.expires_at <= NEW.effective_at THEN
        PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_allocation_expires_after_effect');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER tokens_allocation_is_sound AFTER INSERT OR UPDATE ON tokens_allocation
    FOR EACH ROW EXECUTE FUNCTION tokens_check_allocation();
ALTER TABLE tokens_allocation ENABLE ALWAYS TRIGGER tokens_allocation_is_sound;

CREATE FUNCTION tokens_check_hold() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- What has ended says when.
    IF (NEW.state = 'open') <> (NEW.ended_at IS NULL) THEN
        PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_hold_ended_has_time');
    END IF;
    -- A hold ends once; an expired hold may still be settled, once (law 5).
    IF TG_OP = 'UPDATE' THEN
        IF OLD.state <> 'open' AND NEW.state <> OLD.state AND NOT (OLD.state = 'expired' AND NEW.state = 'settled') THEN
            RAISE EXCEPTION 'hold % is % and cannot become %', OLD.id, OLD.state, NEW.state
                USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER tokens_hold_is_sound AFTER INSERT OR UPDATE ON tokens_hold
    FOR EACH ROW EXECUTE FUNCTION tokens_check_hold();
ALTER TABLE tokens_hold ENABLE ALWAYS TRIGGER tokens_hold_is_sound;

CREATE FUNCTION tokens_check_attempt() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- What has ended says when.
    IF (NEW.state = 'open') <> (NEW.ended_at IS NULL) THEN
        PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_attempt_ended_has_time');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER tokens_attempt_is_sound AFTER INSERT OR UPDATE ON tokens_attempt
    FOR EACH ROW EXECUTE FUNCTION tokens_check_attempt();
ALTER TABLE tokens_attempt ENABLE ALWAYS TRIGGER tokens_attempt_is_sound;

CREATE FUNCTION tokens_check_ledger_entry() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.kind = 'debt') <> (NEW.allocation_id IS NULL) THEN
        PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_ledger_entry_allocation_unless_debt');
    END IF;
    IF (CASE
        WHEN NEW.kind IN ('grant', 'refund') THEN NEW.delta_tokens <= 0
        WHEN NEW.kind = 'debt' THEN NEW.delta_tokens = 0
        ELSE NEW.delta_tokens >= 0 END)
    THEN
        PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_ledger_entry_sign_of_kind');
    END IF;
    IF NEW.usage_log_id IS NULL AND NEW.kind = 'usage' THEN
        PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_ledger_entry_usage_has_log');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER tokens_ledger_entry_is_sound AFTER INSERT OR UPDATE ON tokens_ledger_entry
    FOR EACH ROW EXECUTE FUNCTION tokens_check_ledger_entry();
ALTER TABLE tokens_ledger_entry ENABLE ALWAYS TRIGGER tokens_ledger_entry_is_sound;

CREATE FUNCTION tokens_check_usage_log() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- An unknown price is null and says so, never zero (law 9).
    IF (NEW.price_kind = 'unpriced') <> (NEW.provider_cost_usd IS NULL) THEN
        PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_usage_log_price_is_honest');
    END IF;
    IF (NEW.kind = 'call') <> (NEW.corrects_id IS NULL) THEN
        PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_usage_log_correction_names_row');
    END IF;
    IF NEW.corrects_id IS NULL THEN
        IF NEW.hold_id IS NULL OR NEW.attempt_number IS NULL THEN
            PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_usage_log_call_has_hold');
        END IF;
        IF least(NEW.input_tokens, NEW.output_tokens, NEW.charged_tokens, NEW.own_key_tokens, NEW.debt_tokens,
                 NEW.absorbed_tokens) < 0 THEN
            PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_usage_log_call_not_negative');
        END IF;
        IF NEW.debt_tokens + NEW.absorbed_tokens > NEW.charged_tokens THEN
            PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_usage_log_shortfall_within_charge');
        END IF;
    END IF;
    -- A call on a company's own key debits nothing and costs the platform nothing; no other call says otherwise.
    IF (NEW.key_owner = 'company') <> (NEW.price_kind = 'own_key') THEN
        PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_usage_log_own_key_says_so');
    END IF;
    IF (CASE NEW.key_owner
        WHEN 'company' THEN NEW.charged_tokens <> 0 OR NEW.provider_cost_usd <> 0
        ELSE NEW.own_key_tokens <> 0 END)
    THEN
        PERFORM tokens_refuse_row(TG_TABLE_NAME, 'tokens_usage_log_own_key_is_free');
    END IF;
    RETURN NULL;
END
$$;
-- Its partitions inherit it.
CREATE TRIGGER tokens_usage_log_is_sound AFTER INSERT OR UPDATE ON tokens_usage_log
    FOR EACH ROW EXECUTE FUNCTION tokens_check_usage_log();
ALTER TABLE tokens_usage_log ENABLE ALWAYS TRIGGER tokens_usage_log_is_sound;
