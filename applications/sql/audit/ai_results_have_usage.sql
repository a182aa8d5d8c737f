-- law: 0
-- Every AI result was metered: the hold of the step that brought it has a usage log (requirement A7).
SELECT step.company_id, run.application_id::text AS subject,
       format('step %s (%s) has a result and no usage log', step.id, step.operation) AS detail
FROM applications_step step
JOIN applications_run run ON run.id = step.run_id
WHERE step.state = 'succeeded' AND step.attempts > 0 -- not taken over from an earlier run
  AND step.result IS NOT NULL
  AND (step.hold_id IS NULL OR NOT EXISTS (SELECT 1 FROM tokens_usage_log log WHERE log.hold_id = step.hold_id))
  AND (%(company_id)s::bigint IS NULL OR step.company_id = %(company_id)s)
