-- law: 0
-- Every application has the company of its job (requirement A1).
SELECT a.company_id, a.id::text AS subject, format('company %s, its job has %s', a.company_id, j.company_id) AS detail
FROM applications_application a JOIN applications_job j ON j.id = a.job_id
WHERE a.company_id <> j.company_id AND (%(company_id)s::bigint IS NULL OR a.company_id = %(company_id)s)
