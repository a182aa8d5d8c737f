-- What columns of the ledger may hold. A domain's rule is read once in a session; a CHECK of a table is read anew by
-- every statement that writes to the table: as CHECKs, these took a fifth of what the server does for a hold and its
-- settlement.

CREATE DOMAIN tokens_count AS bigint CONSTRAINT tokens_count_not_negative CHECK (VALUE >= 0);
CREATE DOMAIN tokens_amount AS bigint CONSTRAINT tokens_amount_positive CHECK (VALUE > 0);
CREATE DOMAIN tokens_attempt_number AS smallint CONSTRAINT tokens_attempt_numbered_from_one CHECK (VALUE >= 1);

-- The choices of the models, and of the usage log's columns.
CREATE DOMAIN tokens_overdraft_policy AS text CHECK (VALUE IN ('debt', 'absorb'));
CREATE DOMAIN tokens_source AS text
    CHECK (VALUE IN ('plan', 'purchase', 'promotion', 'adjustment', 'rollover', 'refund'));
CREATE DOMAIN tokens_budget_scope AS text CHECK (VALUE IN ('company', 'job', 'user', 'operation', 'key'));
CREATE DOMAIN tokens_budget_period AS text CHECK (VALUE IN ('day', 'week', 'month', 'total'));
CREATE DOMAIN tokens_budget_action AS text CHECK (VALUE IN ('stop', 'warn'));
CREATE DOMAIN tokens_key_owner AS text CHECK (VALUE IN ('platform', 'company'));
CREATE DOMAIN tokens_hold_state AS text CHECK (VALUE IN ('open', 'settled', 'released', 'expired'));
CREATE DOMAIN tokens_attempt_state AS text
    CHECK (VALUE IN ('open', 'succeeded', 'not_sent', 'refused', 'failed', 'unknown'));
CREATE DOMAIN tokens_entry_kind AS text
    CHECK (VALUE IN ('grant', 'usage', 'refund', 'expiry', 'revocation', 'debt', 'debt_repayment'));
CREATE DOMAIN tokens_usage_kind AS text CHECK (VALUE IN ('call', 'refund', 'rerating', 'reconciliation'));
CREATE DOMAIN tokens_usage_status AS text CHECK (VALUE IN ('succeeded', 'refused', 'failed', 'unknown'));
CREATE DOMAIN tokens_usage_source AS text CHECK (VALUE IN ('provider', 'counted', 'estimated', 'none'));
CREATE DOMAIN tokens_price_kind AS text
    CHECK (VALUE IN ('listed', 'override', 'fallback', 'free', 'own_key', 'unpriced'));

-- The place of an allocation in burn order; it sorts by its columns.
CREATE TYPE tokens_burn_rank AS (priority smallint, expires_at timestamptz, created_at timestamptz, id uuid);

-- What tokens_place_holds and tokens_close_holds are told of each call.
CREATE TYPE tokens_hold_request AS (
    company_id bigint, needed_tokens bigint, minimum_tokens bigint, lease_seconds integer, key text,
    request_hash bytea, provider text, model text, estimated_cost_usd numeric, operation text, feature text,
    application_id uuid, job_id uuid, user_id bigint, api_key_id uuid, step_id uuid, trace_id uuid, session_id text,
    key_owner text, estimated_price_kind text
);
CREATE TYPE tokens_closing AS (hold_id uuid, state text, logs jsonb, answer jsonb, answer_days integer);
