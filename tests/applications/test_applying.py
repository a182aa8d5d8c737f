"""What a candidate sends becomes rows, a stored file and work; sent twice, it becomes that once."""

import hashlib
from collections import Counter
from threading import Barrier, Thread, get_ident

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction

from applications.errors import JobClosed
from applications.extraction import ExtractionError
from applications.models import CV, Application, Candidate, Event, Run, Step
from applications.services import applying
from applications.services.applying import submit_application
from applications.services.waking import wake_workers
from tests.applications.factories import CV_TEXT, JobFactory, subscribed_company

CONTENT = CV_TEXT.encode()


def submit(job, *, content=CONTENT, file_name="cv.txt", **facts):
    given = {"name": "Grace Mbeki", "email": "grace@example.com", **facts}
    return submit_application(job=job, cv_file=ContentFile(content, name=file_name), **given)


def stored_files():
    folders, files = default_storage.listdir("cv") if default_storage.exists("cv") else ([], [])
    found = [f"cv/{name}" for name in files]
    for year in folders:
        for month in default_storage.listdir(f"cv/{year}")[0]:
            found += [f"cv/{year}/{month}/{name}" for name in default_storage.listdir(f"cv/{year}/{month}")[1]]
    return found


@pytest.mark.django_db
def test_an_application_gets_the_company_of_its_job():
    job = JobFactory()

    application = submit(job, phone="+44 20 1", cover_note="Hello")

    candidate = application.candidate
    assert (application.company_id, candidate.company_id) == (job.company_id, job.company_id)
    assert (candidate.name, candidate.email, candidate.phone) == ("Grace Mbeki", "grace@example.com", "+44 20 1")
    assert (application.status, application.score, application.cover_note) == ("received", None, "Hello")


@pytest.mark.django_db
def test_the_database_refuses_an_application_of_another_company():
    job, other = JobFactory(), JobFactory()
    candidate = Candidate.objects.create(company=other.company, name="A")

    with pytest.raises(IntegrityError), transaction.atomic():
        Application.objects.create(company=other.company, job=job, candidate=candidate)

    assert Application.objects.count() == 0


@pytest.mark.django_db
def test_four_steps_are_queued_and_only_the_first_is_ready():
    application = submit(JobFactory())

    run = Run.objects.get()
    steps = run.steps.order_by("position").values_list("operation", "state", "position")
    assert list(steps) == [
        ("cv_parse", "ready", 1),
        ("cv_analyze", "blocked", 2),
        ("scoring", "blocked", 3),
        ("decision", "blocked", 4),
    ]
    assert (run.application_id, run.number, run.company_id) == (application.pk, 1, application.company_id)
    assert Event.objects.get().text == "Application received."


@pytest.mark.django_db
def test_the_run_keeps_the_job_as_it_was():
    job = JobFactory(title="Engineer", description="Build.", criteria=["Python"])
    submit(job)

    job.criteria.update(text="Cobol")

    assert Run.objects.get().brief == {
        "title": "Engineer",
        "description": "Build.",
        "criteria": [{"id": "c1", "text": "Python", "weight": 1, "must_have": True}],
    }


@pytest.mark.django_db
def test_the_file_is_stored_under_a_name_that_tells_nothing():
    cv = submit(JobFactory(), file_name="Grace Mbeki CV.txt").cv

    assert cv.file.read() == CONTENT
    assert len(cv.file.name.split("/")[-1]) == 32
    assert "Grace" not in cv.file.name
    assert (cv.file_name, cv.byte_count, cv.kind, cv.pages) == ("Grace Mbeki CV.txt", len(CONTENT), "txt", None)
    assert cv.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\me\\cv.txt", "cv.txt"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
        ("\x00", "cv"),
        ("n" * 250 + ".txt", "n" * 196 + ".txt"),
    ],
)
def test_a_file_name_is_tidied(given, kept):
    assert applying._tidy_name(given) == kept


@pytest.mark.django_db
def test_the_same_form_sent_twice_is_one_application():
    job = JobFactory()

    first, second = submit(job), submit(job, email="GRACE@example.com", name="Grace again")

    assert first.pk == second.pk
    assert (Application.objects.count(), Candidate.objects.count(), Step.objects.count()) == (1, 1, 4)
    assert len(stored_files()) == 1


@pytest.mark.django_db
def test_another_file_or_another_job_is_another_application_of_the_same_person():
    job = JobFactory()
    other_job = JobFactory(company=job.company)

    applications = {submit(job), submit(job, content=b"A newer CV of mine"), submit(other_job)}

    assert len(applications) == 3
    assert Candidate.objects.get().email == "grace@example.com"


@pytest.mark.django_db
def test_the_same_person_at_another_company_is_somebody_else():
    submit(JobFactory())
    submit(JobFactory())

    assert Candidate.objects.values("company").distinct().count() == Candidate.objects.count() == 2


@pytest.mark.django_db
def test_what_is_known_about_a_person_is_completed_and_never_overwritten():
    job = JobFactory()
    submit(job)

    submit(job, content=b"second", name="Somebody Else", phone="1")
    submit(job, content=b"third", phone="2")

    candidate = Candidate.objects.get()
    assert (candidate.name, candidate.phone) == ("Grace Mbeki", "1")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "file_name", "code"),
    [
        (b"", "cv.pdf", "no_text"),
        (b"\x89PNG\r\n", "cv.pdf", "unsupported_type"),
        (b"plain text", "cv.pdf", "unsupported_type"),
        (b"x" * 2000, "cv.txt", "too_large"),
    ],
)
def test_a_file_that_is_no_cv_at_a_glance_is_refused_and_nothing_is_stored(content, file_name, code, settings):
    settings.CV_MAX_BYTES = 1000
    with pytest.raises(ExtractionError) as refusal:
        submit(JobFactory(), content=content, file_name=file_name)

    assert refusal.value.code == code
    assert (Application.objects.count(), Candidate.objects.count(), stored_files()) == (0, 0, [])


@pytest.mark.django_db
def test_a_job_that_was_closed_meanwhile_takes_nothing():
    job = JobFactory()
    type(job).objects.update(status="closed")

    with pytest.raises(JobClosed):
        submit(job)

    assert (Application.objects.count(), Candidate.objects.count(), stored_files()) == (0, 0, [])


@pytest.mark.django_db
def test_when_the_rows_cannot_be_written_the_file_is_not_left_behind(monkeypatch):
    def broken(_application):
        raise RuntimeError

    monkeypatch.setattr(applying, "add_first_run", broken)

    with pytest.raises(RuntimeError):
        submit(JobFactory())

    assert (Application.objects.count(), CV.objects.count(), stored_files()) == (0, 0, [])


@pytest.mark.django_db
def test_workers_are_woken_when_the_application_is_committed(django_capture_on_commit_callbacks):
    job = JobFactory()

    with django_capture_on_commit_callbacks() as callbacks:
        submit(job)

    assert callbacks == [wake_workers]


def submit_at_once(job, copies):
    """Send the same form from several threads that start together."""
    barrier, found = Barrier(copies), []

    def send():
        barrier.wait()
        try:
            found.append(submit(job).pk)
        finally:
            connection.close()

    threads = [Thread(target=send) for _ in range(copies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def look_together(monkeypatch, *, copies, looks):
    """Let the first ``looks`` looks for an earlier application of each of ``copies`` threads end together."""
    looking, together, looked = applying._find_earlier, Barrier(copies, timeout=30), Counter()

    def look(*args):
        earlier = looking(*args)
        looked[get_ident()] += 1
        if looked[get_ident()] <= looks:
            together.wait()
        return earlier

    monkeypatch.setattr(applying, "_find_earlier", look)


def test_a_double_click_is_one_application_even_at_the_same_moment(committed_db, monkeypatch):
    job = JobFactory(company=subscribed_company())
    Candidate.objects.create(company=job.company, name="Grace", email="grace@example.com")
    look_together(monkeypatch, copies=4, looks=1)

    found = submit_at_once(job, 4)

    assert len(found) == 4
    assert len(set(found)) == 1
    assert (Application.objects.count(), Candidate.objects.count(), Step.objects.count()) == (1, 1, 4)
    assert len(stored_files()) == 1


def test_somebody_new_who_clicks_twice_becomes_one_person(committed_db, monkeypatch):
    job = JobFactory(company=subscribed_company())
    look_together(monkeypatch, copies=4, looks=1)

    assert len(set(submit_at_once(job, 4))) == 1
    assert (Application.objects.count(), Candidate.objects.count()) == (1, 1)


def test_without_the_lock_on_the_candidate_a_double_click_is_more_than_one(committed_db, monkeypatch):
    """The control of the two tests above: both submissions look for the other before either has written."""
    job = JobFactory(company=subscribed_company())
    candidate = Candidate.objects.create(company=job.company, name="Grace", email="grace@example.com")
    monkeypatch.setattr(applying, "_lock_candidate", lambda *_args: candidate)
    look_together(monkeypatch, copies=2, looks=2)

    assert len(set(submit_at_once(job, 2))) == 2
