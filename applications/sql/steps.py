"""Statements on the table of AI steps: each decides and writes at once, so that workers need no agreement."""

# Take the next step. Companies take turns: whoever has the fewest steps running goes first, then whoever was served
# longest ago, so that one company's bulk upload starves nobody. A running step whose lease ran out lost its worker.
# Of each company only its first steps are looked at (by index, however many wait behind them): as many as there may be
# workers that claim at the same moment and pass each other's over. Runs that were begun go first: people get whole
# results one after the other, not the first step of everybody's.
CLAIM_STEP = """
    WITH RECURSIVE company AS (
        (SELECT company_id FROM applications_step WHERE state = 'ready' ORDER BY company_id LIMIT 1)
        UNION ALL
        SELECT (SELECT step.company_id FROM applications_step step
                WHERE step.state = 'ready' AND step.company_id > company.company_id
                ORDER BY step.company_id LIMIT 1)
        FROM company WHERE company.company_id IS NOT NULL
    ), due AS (
        SELECT first.id FROM company CROSS JOIN LATERAL (
            SELECT step.id FROM applications_step step
            WHERE step.state = 'ready' AND step.company_id = company.company_id
              AND step.run_after <= statement_timestamp()
            ORDER BY step.position DESC, step.run_after LIMIT %(workers)s
        ) first
        UNION ALL
        SELECT id FROM applications_step WHERE state = 'running' AND lease_expires_at <= statement_timestamp()
    ), served AS (
        SELECT company_id,
               count(*) FILTER (WHERE state = 'running' AND lease_expires_at > statement_timestamp()) AS running,
               max(started_at) AS last_started_at
        FROM applications_step WHERE started_at > statement_timestamp() - interval '5 minutes' GROUP BY company_id
    ), next AS (
        SELECT step.id FROM applications_step step LEFT JOIN served USING (company_id)
        WHERE step.id = ANY (ARRAY(SELECT id FROM due))
          AND (step.state = 'ready'
               OR (step.state = 'running' AND step.lease_expires_at <= statement_timestamp()
                   AND step.attempts < %(max_crashes)s))
        ORDER BY coalesce(served.running, 0), served.last_started_at NULLS FIRST,
                 step.position DESC, step.run_after, step.id
        LIMIT 1 FOR NO KEY UPDATE OF step SKIP LOCKED
    )
    UPDATE applications_step step
    SET state = 'running', attempts = step.attempts + 1, started_at = clock_timestamp(), finished_at = NULL,
        lease_expires_at = clock_timestamp() + make_interval(secs => %(lease_seconds)s),
        error_code = '', error_message = '', needed_tokens = NULL
    FROM next WHERE step.id = next.id
    RETURNING step.id, step.started_at
"""

# Only the worker that began an execution may renew its lease: started_at tells executions apart.
RENEW_LEASE = """
    UPDATE applications_step SET lease_expires_at = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
    WHERE id = %(step_id)s AND state = 'running' AND started_at = %(started_at)s
"""

# Per company, as many of the longest waiting steps as its available tokens cover: no more than can get a hold.
RESUME_WAITING_FOR_TOKENS = """
    WITH covered AS (
        SELECT step.id, sum(step.needed_tokens) OVER (PARTITION BY step.company_id ORDER BY step.id) AS needed_so_far,
               balance.available_tokens
        FROM applications_step step
        JOIN unnest(%(company_ids)s::bigint[], %(available_tokens)s::bigint[])
             AS balance (company_id, available_tokens) USING (company_id)
        WHERE step.state = 'waiting_for_tokens' AND step.run_after <= statement_timestamp()
    )
    UPDATE applications_step step SET state = 'ready', run_after = clock_timestamp()
    FROM covered
    WHERE step.id = covered.id AND covered.needed_so_far <= covered.available_tokens
      AND step.state = 'waiting_for_tokens'
"""

# Per job, as many of the longest waiting steps as the daily cap has room for: all of it on a new day, more when the
# cap was raised.
RESUME_HELD_BACK = """
    WITH waiting AS (
        SELECT step.id, application.job_id,
               row_number() OVER (PARTITION BY application.job_id ORDER BY step.id) AS place
        FROM applications_step step
        JOIN applications_run run ON run.id = step.run_id
        JOIN applications_application application ON application.id = run.application_id
        WHERE step.state = 'waiting_for_cap'
    ), room AS (
        SELECT job.id AS job_id, job.daily_ai_cap - count(DISTINCT run.application_id) AS places
        FROM applications_job job
        JOIN applications_application application ON application.job_id = job.id
        LEFT JOIN applications_run run ON run.application_id = application.id AND run.company_id = job.company_id
             AND run.admitted_on = tokens_company_day(job.company_id, statement_timestamp())
        WHERE job.id IN (SELECT job_id FROM waiting)
        GROUP BY job.id
    )
    UPDATE applications_step step SET state = 'ready', run_after = clock_timestamp()
    FROM waiting JOIN room USING (job_id)
    WHERE step.id = waiting.id AND waiting.place <= room.places AND step.state = 'waiting_for_cap'
"""

# Steps whose workers died too often: something about them kills workers, and would for ever.
LIST_CRASHED_STEPS = """
    SELECT id FROM applications_step
    WHERE state = 'running' AND lease_expires_at <= statement_timestamp() AND attempts >= %(max_crashes)s
    FOR NO KEY UPDATE SKIP LOCKED
"""
