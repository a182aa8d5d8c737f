"""Let the people of the sample CVs apply, as they would through the form."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.files import File

from applications.extraction import ExtractionError
from applications.models import Application, Job
from applications.services.applying import submit_application
from config.demo.samples import SAMPLES, Sample, open_sample
from tenants.models import Company


@dataclass(frozen=True)
class Submission:
    """What became of one sample at the door: an application, or a refusal with its code and message."""

    sample: Sample
    application: Application | None
    refusal_code: str = ""
    refusal_message: str = ""


def submit_samples(company: Company, samples: Iterable[Sample] = SAMPLES) -> list[Submission]:
    """Submit the samples to the demo company's jobs; large ones are generated for the moment."""
    jobs = {job.slug: job for job in company.jobs.all()}
    with TemporaryDirectory() as scratch:
        return [_submit(jobs[sample.job], sample, Path(scratch)) for sample in samples]


def _submit(job: Job, sample: Sample, scratch: Path) -> Submission:
    with open_sample(sample, scratch).open("rb") as content:
        try:
            application = submit_application(
                job=job,
                name=sample.candidate_name,
                email=sample.candidate_email,
                cv_file=File(content, name=sample.file_name),
            )
        except ExtractionError as refusal:
            return Submission(sample, None, refusal.code, refusal.message)
    return Submission(sample, application)
