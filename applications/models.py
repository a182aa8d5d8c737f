"""Jobs, candidates, applications, CVs, and the AI steps that are run on them.

Every row carries its company. References inside a company are composite in the database (applications/sql/),
so that an application of one company can never name a job or candidate of another (requirement A1).
"""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from tenants.fields import ClockTimestamp, known, uuid_key
from tenants.models import Company, User
from tokens.operations import label_operation


class JobStatus(models.TextChoices):
    """Whether a job takes applications."""

    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"


class Job(models.Model):
    """A post that people apply to."""

    id = uuid_key()
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="jobs")
    title = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80)
    location = models.CharField(max_length=120, blank=True)
    description = models.TextField()
    status = models.CharField(max_length=8, choices=JobStatus, default=JobStatus.OPEN)
    daily_ai_cap = models.PositiveIntegerField(
        default=200, help_text="How many applications a day AI may screen; the rest wait until the next day."
    )
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(fields=("company", "slug"), name="applications_job_slug_of_company"),
            models.UniqueConstraint(fields=("company", "id"), name="applications_job_of_company"),
            known("status", JobStatus, table="applications_job"),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        """Whether people can apply."""
        return self.status == JobStatus.OPEN


class Criterion(models.Model):
    """One thing that a job asks for."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="criteria")
    code = models.CharField(max_length=8, help_text="How prompts and answers name it: c1, c2 …")
    text = models.CharField(max_length=300)
    weight = models.PositiveSmallIntegerField(default=3)
    must_have = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "criteria"
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("job", "code"), name="applications_criterion_code_of_job"),
            models.CheckConstraint(
                condition=Q(weight__gte=1, weight__lte=10), name="applications_criterion_weight_in_range"
            ),
        )

    def __str__(self) -> str:
        return self.text


class Candidate(models.Model):
    """A person who applied, as this company knows them. Erasure clears the text and leaves the row."""

    id = uuid_key()
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="candidates")
    name = models.CharField(max_length=200, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("company", "id"), name="applications_candidate_of_company"),
            models.UniqueConstraint(
                "company", Lower("email"), condition=~Q(email=""), name="applications_candidate_email_of_company"
            ),
        )

    def __str__(self) -> str:
        return self.name or "Erased candidate"


class ApplicationStatus(models.TextChoices):
    """Where a person stands; only people move it past screening."""

    RECEIVED = "received", "Received"
    SCREENING = "screening", "Screening"
    SCREENED = "screened", "Screened"
    NEEDS_ATTENTION = "needs_attention", "Needs attention"


class Application(models.Model):
    """One person's application to one job."""

    id = uuid_key()
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="applications")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="applications")
    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="applications")
    status = models.CharField(max_length=20, choices=ApplicationStatus, default=ApplicationStatus.RECEIVED)
    score = models.PositiveSmallIntegerField(null=True, blank=True)
    cover_note = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=("company", "id"), name="applications_application_of_company"),
            models.CheckConstraint(
                condition=Q(score__isnull=True) | Q(score__lte=100),
                name="applications_application_score_in_range",
            ),
            known("status", ApplicationStatus, table="applications_application"),
        )
        indexes = (models.Index(fields=("company", "-id"), name="applications_app_newest"),)

    def __str__(self) -> str:
        return f"{self.candidate} for {self.job}"


class CV(models.Model):
    """The uploaded file and what was read from it. All of it is erased with the candidate."""

    application = models.OneToOneField(Application, primary_key=True, on_delete=models.CASCADE, related_name="cv")
    file = models.FileField(upload_to="cv/%Y/%m/", max_length=200)
    file_name = models.CharField(max_length=200)
    byte_count = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    kind = models.CharField(max_length=8, blank=True)
    pages = models.JSONField(null=True, blank=True, help_text="Text, page by page; empty until it was read.")
    notes = models.JSONField(default=list, blank=True, help_text="What reading left out: hidden text, a cut.")
    error_code = models.CharField(max_length=32, blank=True)
    error_message = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "applications_cv"
        verbose_name = "CV"

    def __str__(self) -> str:
        return self.file_name


class Run(models.Model):
    """One pass of the four steps over an application; a re-sieve adds another and every run is kept.

    ``brief`` is the job as it was when the run began: all four steps judge by the same criteria, a repeated call asks
    the same question, and an old result can be read after the job was edited.
    """

    id = uuid_key()
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="+")
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="runs")
    number = models.PositiveSmallIntegerField()
    brief = models.JSONField(help_text="Title, description and criteria of the job when the run began.")
    reason = models.CharField(max_length=300, blank=True)
    admitted_on = models.DateField(
        null=True, blank=True, help_text="The company's day on which the job's daily cap let the run begin its AI work."
    )
    started_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        ordering = ("number",)
        constraints = (
            models.UniqueConstraint(fields=("application", "number"), name="applications_run_numbered_once"),
        )
        indexes = (models.Index(fields=("company", "admitted_on"), name="applications_run_admitted"),)

    def __str__(self) -> str:
        return f"run {self.number} of application {self.application_id}"


class Operation(models.TextChoices):
    """The AI steps of hiring, in their order."""

    CV_PARSE = "cv_parse", label_operation("cv_parse")
    CV_ANALYZE = "cv_analyze", label_operation("cv_analyze")
    SCORING = "scoring", label_operation("scoring")
    DECISION = "decision", label_operation("decision")


class StepState(models.TextChoices):
    """Where a step stands. Workers claim what is ready; the rest waits for something named here."""

    BLOCKED = "blocked", "Waiting for the step before"
    READY = "ready", "Queued"
    RUNNING = "running", "Running"
    WAITING_FOR_TOKENS = "waiting_for_tokens", "Waiting for tokens"
    WAITING_FOR_CAP = "waiting_for_cap", "Waiting for tomorrow"
    SUCCEEDED = "succeeded", "Done"
    FAILED = "failed", "Failed"


class Step(models.Model):
    """Durable AI work on one application: a row that workers claim, so losing the broker loses nothing.

    ``attempts`` counts executions begun, crashed ones included; ``hold_id`` names the hold of the call whose answer
    is stored.
    """

    id = uuid_key()
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="steps")
    operation = models.CharField(max_length=16, choices=Operation)
    position = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=20, choices=StepState, default=StepState.BLOCKED)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    rejected_answers = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="Calls that are over without a usable answer; the next one gets a new idempotency key.",
    )
    run_after = models.DateTimeField(db_default=ClockTimestamp())
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    hold_id = models.UUIDField(null=True, blank=True)
    model = models.CharField(max_length=160, blank=True)
    result = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    needed_tokens = models.BigIntegerField(
        null=True, blank=True, help_text="While waiting for tokens: the least it can run with."
    )

    class Meta:
        ordering = ("run", "position")
        constraints = (
            models.UniqueConstraint(fields=("run", "operation"), name="applications_step_once_per_run"),
            models.CheckConstraint(
                condition=~Q(state=StepState.RUNNING) | Q(lease_expires_at__isnull=False),
                name="applications_step_running_has_lease",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=(StepState.SUCCEEDED, StepState.FAILED)) | Q(finished_at__isnull=False),
                name="applications_step_ended_has_time",
            ),
            known("state", StepState, table="applications_step"),
            known("operation", Operation, table="applications_step"),
        )
        indexes = (
            models.Index(
                fields=("company", "-position", "run_after"), condition=Q(state="ready"), name="applications_step_ready"
            ),
            models.Index(fields=("lease_expires_at",), condition=Q(state="running"), name="applications_step_lease"),
            models.Index(fields=("started_at",), name="applications_step_started"),
            models.Index(
                fields=("company", "state"),
                condition=Q(state__in=("ready", "running", "waiting_for_tokens", "waiting_for_cap")),
                name="applications_step_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.operation} {self.state}"


class Event(models.Model):
    """Who did what to an application, and when."""

    id = uuid_key()
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=32)
    text = models.CharField(max_length=500, blank=True)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"
