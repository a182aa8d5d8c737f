"""A job's daily cap of AI work: anonymous uploads cost tokens, so a flood of them must find an end."""

from django.db import transaction

from applications.models import Application, ApplicationStatus, Job, Run
from applications.selectors.caps import count_admitted
from tokens.periods import today


def admit_run(run: Run) -> bool:
    """Let a run begin its AI work, unless the job's cap for the company's day is reached. Admitted once, for good.

    The job's row is locked while its applications of the day are counted, so that two workers cannot both take the
    last place.
    """
    if run.admitted_on is not None:
        return True
    application = run.application
    day = today(application.company)
    with transaction.atomic():
        job = Job.objects.select_for_update(no_key=True).get(pk=application.job_id)
        if count_admitted(job, day, besides=application.pk) >= job.daily_ai_cap:
            return False
        Run.objects.filter(pk=run.pk).update(admitted_on=day)
        Application.objects.filter(pk=application.pk).update(status=ApplicationStatus.SCREENING)
    run.admitted_on = day
    return True
