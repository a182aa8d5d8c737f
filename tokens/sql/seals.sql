-- Seals: a company's ledger, cut into consecutive stretches in commit order (law 8).
--
-- Commit order is (xact_id, id). A seal takes in only transactions below the oldest one still running: all of them have
-- ended, so no entry can appear among them any more. An entry that commits later lies above, and falls into the next seal.
--
-- An entry belongs to the day of its seal. What is not sealed yet belongs to the day on which it was recorded, but never
-- to a day before that of an entry ahead of it, nor to one that a seal has closed: so days follow each other in commit
-- order, every statement is one stretch of the ledger, and the statement of a closed day does not change.

CREATE INDEX tokens_ledger_entry_in_commit_order ON tokens_ledger_entry (company_id, xact_id, id);

CREATE TRIGGER tokens_seal_append_only BEFORE UPDATE OR DELETE ON tokens_seal
    FOR EACH ROW EXECUTE FUNCTION tokens_refuse_change();
CREATE TRIGGER tokens_seal_keep BEFORE TRUNCATE ON tokens_seal
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_refuse_change();

CREATE FUNCTION tokens_last_seal(p_company_id bigint) RETURNS tokens_seal
LANGUAGE sql STABLE AS $$
    -- The newest seal of a company; all NULL before the first.
    SELECT * FROM tokens_seal WHERE company_id = p_company_id ORDER BY number DESC LIMIT 1
$$;

CREATE FUNCTION tokens_day_cut(p_company_id bigint, p_day date) RETURNS xid8
LANGUAGE plpgsql STABLE AS $$
-- Where a day begins in a company's ledger: the entries of earlier days are those of transactions below this one.
-- The greatest number that a bigint holds stands for "nothing of that day or later has been recorded".
DECLARE
    last tokens_seal := tokens_last_seal(p_company_id);
    zone text := (SELECT c.time_zone FROM tenants_company c WHERE c.id = p_company_id);
BEGIN
    IF p_day <= last.company_day + last.closes_day::int THEN
        RETURN coalesce(
            (SELECT max(s.to_xact) FROM tokens_seal s WHERE s.company_id = p_company_id AND s.company_day < p_day), '0');
    END IF;
    RETURN coalesce(
        (SELECT min(e.xact_id) FROM tokens_ledger_entry e
         WHERE e.company_id = p_company_id AND e.xact_id >= coalesce(last.to_xact, '0')
           AND (e.recorded_at AT TIME ZONE zone)::date >= p_day),
        '9223372036854775807');
END
$$;

CREATE FUNCTION tokens_seal_line(VARIADIC p_values text[]) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    -- One line of the text that is hashed, as tokens/seal_format.py defines it.
    SELECT array_to_string(p_values, E'\t', '') || E'\n'
$$;

CREATE FUNCTION tokens_seal_next(p_company_id bigint, p_include_today boolean, p_max_entries integer)
RETURNS SETOF tokens_seal
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
-- Write a company's next seal and return it, or nothing when nothing is left to seal. A seal holds entries of one day;
-- a day of more than p_max_entries is sealed in several, cut between transactions. Unless p_include_today, days that
-- are not over wait. Calls for the same company wait for each other here, and do not disturb those that move tokens.
DECLARE
    last tokens_seal;
    seal tokens_seal;
    horizon xid8;
    zone text;
    today date;
    first_xact xid8;
    end_of_day xid8;
    body text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tokens_seal', p_company_id));
    horizon := pg_snapshot_xmin(pg_current_snapshot());
    last := tokens_last_seal(p_company_id);
    zone := (SELECT c.time_zone FROM tenants_company c WHERE c.id = p_company_id);
    today := tokens_company_day(p_company_id, clock_timestamp());
    seal.from_xact := coalesce(last.to_xact, '0');

    SELECT min(e.xact_id) INTO first_xact FROM tokens_ledger_entry e
    WHERE e.company_id = p_company_id AND e.xact_id >= seal.from_xact AND e.xact_id < horizon;
    SELECT greatest(last.company_day + last.closes_day::int, max((e.recorded_at AT TIME ZONE zone)::date))
    INTO seal.company_day FROM tokens_ledger_entry e WHERE e.company_id = p_company_id AND e.xact_id = first_xact;
    IF first_xact IS NULL OR seal.company_day > today OR (seal.company_day = today AND NOT p_include_today) THEN
        RETURN;
    END IF;

    end_of_day := tokens_day_cut(p_company_id, seal.company_day + 1);
    seal.to_xact := least(horizon, end_of_day, (
        SELECT beyond.xact_id FROM (
            SELECT e.xact_id FROM tokens_ledger_entry e
            WHERE e.company_id = p_company_id AND e.xact_id >= first_xact ORDER BY e.xact_id, e.id OFFSET p_max_entries
        ) beyond WHERE beyond.xact_id > first_xact LIMIT 1));
    -- A day is closed by the seal after which nothing of it is to be seen; later commits belong to the days after it.
    seal.closes_day := seal.company_day < today AND NOT EXISTS (
        SELECT 1 FROM tokens_ledger_entry e
        WHERE e.company_id = p_company_id AND e.xact_id >= seal.to_xact AND e.xact_id < end_of_day);

    SELECT count(*), sum(e.delta_tokens), string_agg(
        tokens_seal_line(
            e.xact_id::text, e.id::text, to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            to_char(e.company_day, 'YYYY-MM-DD'), e.kind::text, e.delta_tokens::text, e.allocation_id::text,
            e.usage_log_id::text, e.hold_id::text, e.corrects_id::text, e.actor_id::text,
            replace(replace(replace(replace(
                e.reason_code, E'\\', E'\\\\'), E'\t', E'\\t'), E'\n', E'\\n'), E'\r', E'\\r')),
        '' ORDER BY e.xact_id, e.id)
    INTO seal.entry_count, seal.delta_tokens, body FROM tokens_ledger_entry e
    WHERE e.company_id = p_company_id AND e.xact_id >= seal.from_xact AND e.xact_id < seal.to_xact;

    seal.company_id := p_company_id;
    seal.number := coalesce(last.number, 0) + 1;
    seal.balance_tokens := coalesce(last.balance_tokens, 0) + seal.delta_tokens;
    seal.previous_sha256 := coalesce(last.sha256, repeat('0', 64));
    seal.sha256 := encode(sha256(convert_to(
        E'winnow-seal-1\n' || seal.previous_sha256 || E'\n' || body || tokens_seal_line(
            seal.company_id::text, seal.number::text, to_char(seal.company_day, 'YYYY-MM-DD'),
            seal.closes_day::int::text, seal.from_xact::text, seal.to_xact::text, seal.entry_count::text,
            seal.delta_tokens::text, seal.balance_tokens::text), 'UTF8')), 'hex');
    seal.sealed_at := clock_timestamp();
    INSERT INTO tokens_seal SELECT (seal).*;
    RETURN NEXT seal;
END
$$;

DO $$
BEGIN
    IF to_regrole('winnow_app') IS NOT NULL THEN
        REVOKE ALL ON tokens_seal FROM winnow_app;
        GRANT SELECT ON tokens_seal TO winnow_app;
    END IF;
END
$$;
