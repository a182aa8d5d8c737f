"""Rules of the hiring tables that Django's migrations cannot express."""

SAME_COMPANY = """
    -- An application has the company of its job and of its candidate (requirement A1); runs and steps follow it.
    ALTER TABLE applications_application
        ADD CONSTRAINT applications_application_company_of_job
            FOREIGN KEY (company_id, job_id) REFERENCES applications_job (company_id, id),
        ADD CONSTRAINT applications_application_company_of_candidate
            FOREIGN KEY (company_id, candidate_id) REFERENCES applications_candidate (company_id, id);
    ALTER TABLE applications_run
        ADD CONSTRAINT applications_run_of_company UNIQUE (company_id, id),
        ADD CONSTRAINT applications_run_company_of_application
            FOREIGN KEY (company_id, application_id) REFERENCES applications_application (company_id, id);
    ALTER TABLE applications_step
        ADD CONSTRAINT applications_step_company_of_run
            FOREIGN KEY (company_id, run_id) REFERENCES applications_run (company_id, id);
"""

UNDO_SAME_COMPANY = """
    ALTER TABLE applications_step DROP CONSTRAINT applications_step_company_of_run;
    ALTER TABLE applications_run
        DROP CONSTRAINT applications_run_company_of_application, DROP CONSTRAINT applications_run_of_company;
    ALTER TABLE applications_application
        DROP CONSTRAINT applications_application_company_of_job,
        DROP CONSTRAINT applications_application_company_of_candidate;
"""
