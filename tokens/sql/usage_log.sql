-- The usage log: append-only, range-partitioned by month on its own time-ordered key.
-- It has no foreign keys: it is written by tokens_close_hold alone, which takes its ids from the locked hold, and
-- a partition can be detached for archive.

CREATE FUNCTION tokens_uuid_floor(moment timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    -- The smallest UUID that uuidv7() could make at that millisecond.
    SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

CREATE TABLE tokens_usage_log (
    id uuid DEFAULT uuidv7() PRIMARY KEY,
    company_id bigint NOT NULL,
    hold_id uuid,
    attempt_number tokens_attempt_number,
    kind tokens_usage_kind NOT NULL,
    corrects_id uuid,
    operation varchar(32) NOT NULL,
    feature varchar(64) NOT NULL DEFAULT '',
    application_id uuid,
    job_id uuid,
    user_id bigint,
    api_key_id uuid,
    step_id uuid,
    trace_id uuid,
    session_id varchar(64),
    metadata jsonb NOT NULL DEFAULT '{}',
    provider varchar(32) NOT NULL,
    model varchar(128) NOT NULL,
    response_model varchar(128) NOT NULL DEFAULT '',
    service_tier varchar(32) NOT NULL DEFAULT '',
    provider_request_id varchar(128) NOT NULL DEFAULT '',
    key_owner tokens_key_owner NOT NULL DEFAULT 'platform',
    streamed boolean NOT NULL DEFAULT false,
    prompt_version varchar(64) NOT NULL DEFAULT '',
    status tokens_usage_status NOT NULL,
    error_code varchar(64) NOT NULL DEFAULT '',
    finish_reason varchar(32) NOT NULL DEFAULT '',
    usage_source tokens_usage_source NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms integer,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    input_uncached_tokens bigint NOT NULL DEFAULT 0,
    cache_read_tokens bigint NOT NULL DEFAULT 0,
    cache_write_short_tokens bigint NOT NULL DEFAULT 0,
    cache_write_long_tokens bigint NOT NULL DEFAULT 0,
    input_audio_tokens bigint NOT NULL DEFAULT 0,
    input_image_tokens bigint NOT NULL DEFAULT 0,
    output_reasoning_tokens bigint NOT NULL DEFAULT 0,
    output_audio_tokens bigint NOT NULL DEFAULT 0,
    output_image_tokens bigint NOT NULL DEFAULT 0,
    tool_requests integer NOT NULL DEFAULT 0,
    weight numeric(12, 6) NOT NULL DEFAULT 1,
    weight_version_id uuid,
    charged_tokens bigint NOT NULL DEFAULT 0,
    own_key_tokens bigint NOT NULL DEFAULT 0,
    debt_tokens bigint NOT NULL DEFAULT 0,
    absorbed_tokens bigint NOT NULL DEFAULT 0,
    price_version_id uuid,
    price_kind tokens_price_kind NOT NULL DEFAULT 'unpriced',
    provider_cost_usd numeric(20, 12),
    margin_percent numeric(7, 3),
    sale_value_usd numeric(20, 12),
    file_bytes bigint,
    item_count integer,
    media_seconds numeric(12, 3),
    succeeded boolean,
    actor_id bigint,
    reason_code varchar(64) NOT NULL DEFAULT '',
    company_day date NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xact_id xid8 NOT NULL DEFAULT pg_current_xact_id()
) PARTITION BY RANGE (id);

CREATE INDEX tokens_usage_log_of_company ON tokens_usage_log (company_id, id);
CREATE INDEX tokens_usage_log_of_application ON tokens_usage_log (application_id, id)
    WHERE application_id IS NOT NULL;
CREATE INDEX tokens_usage_log_of_hold ON tokens_usage_log (hold_id);

CREATE FUNCTION tokens_refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused; a correction is a new row', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;

-- Row triggers are inherited by partitions, statement triggers are not: each partition gets its own for TRUNCATE.
CREATE TRIGGER tokens_usage_log_append_only BEFORE UPDATE OR DELETE ON tokens_usage_log
    FOR EACH ROW EXECUTE FUNCTION tokens_refuse_change();
CREATE TRIGGER tokens_usage_log_keep BEFORE TRUNCATE ON tokens_usage_log
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_refuse_change();

CREATE TABLE tokens_usage_log_default PARTITION OF tokens_usage_log DEFAULT;
CREATE TRIGGER tokens_usage_log_keep BEFORE TRUNCATE ON tokens_usage_log_default
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_refuse_change();

CREATE FUNCTION tokens_make_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
-- Make the partitions from last month to months_ahead; returns how many were missing. Owned by the owner of the
-- tables, so that the product's role can have partitions made and nothing else.
DECLARE
    first_month timestamptz := date_trunc('month', clock_timestamp(), 'UTC') - interval '1 month';
    month timestamptz;
    partition_name text;
    made integer := 0;
BEGIN
    FOR step IN 0 .. months_ahead + 1 LOOP
        month := ((first_month AT TIME ZONE 'UTC') + make_interval(months => step)) AT TIME ZONE 'UTC';
        partition_name := 'tokens_usage_log_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
        CONTINUE WHEN to_regclass(partition_name) IS NOT NULL;
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF tokens_usage_log FOR VALUES FROM (%L) TO (%L)',
            partition_name,
            tokens_uuid_floor(month),
            tokens_uuid_floor(((month AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'));
        EXECUTE format(
            'CREATE TRIGGER tokens_usage_log_keep BEFORE TRUNCATE ON %I
             FOR EACH STATEMENT EXECUTE FUNCTION tokens_refuse_change()', partition_name);
        IF to_regrole('winnow_app') IS NOT NULL THEN
            EXECUTE format('REVOKE ALL ON %I FROM winnow_app', partition_name);  -- it is reached through its parent
        END IF;
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

SELECT tokens_make_partitions(12);
