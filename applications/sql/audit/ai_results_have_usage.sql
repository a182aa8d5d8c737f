-- law: 0
-- Every AI result that counts (of the latest run) was metered: its step's hold has a usage log (requirement A7).
SELECT step.company_id, run.application_id::text AS subject,
       format('step %s (%s) has a result and no usage log', step.id, step.operation) AS detail
FROM applications_step step
JOIN applications_run run ON run.id = step.run_id
WHERE step.state = 'succeeded' AND step.attempts > 0 -- not taken over from an earlier run
  AND step.result IS NOT NULL
  AND NOT EXISTS (
      SELECT 1 FROM applications_run later
      WHERE later.application_id = run.application_id AND later.number > run.number)
  AND (step.hold_id IS NULL OR NOT EXISTS (SELECT 1 FROM tokens_usage_log log WHERE log.hold_id = step.hold_id))
  AND (%(company_id)s::bigint IS NULL OR step.company_id = %(company_id)s)
