"""The demo's companies, people and jobs. Making them again changes nothing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils.text import slugify

from applications.models import Criterion, Job
from billing.services import open_company
from tenants.models import Company, Membership, Role, User
from tokens.models import Source
from tokens.services.grants import grant_tokens

PASSWORD = "winnow-demo"  # of people who exist on a developer's own machine alone
COMPANY_NAME = "Harbour & Finch"
DEMO_TOKENS = 1_000_000


@dataclass(frozen=True)
class Login:
    """Somebody to try Winnow as."""

    role: str
    email: str
    password: str
    company: str | None


@dataclass(frozen=True)
class DemoJob:
    """A job of the demo; criteria are (text, weight, must have)."""

    title: str
    location: str
    description: str
    criteria: tuple[tuple[str, int, bool], ...]


PEOPLE: tuple[tuple[str, str, str | None], ...] = (
    ("olivia@demo.example", "Olivia Finch", Role.OWNER),
    ("adam@demo.example", "Adam Harbour", Role.ADMIN),
    ("rita@demo.example", "Rita Sommer", Role.RECRUITER),
    ("victor@demo.example", "Victor Lang", Role.VIEWER),
    ("stella@winnow.example", "Stella Novak", None),
)

JOBS: Mapping[str, DemoJob] = {
    "backend-engineer": DemoJob(
        "Backend Engineer",
        "Hamburg or remote",
        "You build and run the services behind our booking platform: Python and Django on PostgreSQL, with background "
        "work, monitoring and a small team that reviews each other's code.",
        (
            ("Python in production", 5, True),
            ("Django", 4, True),
            ("PostgreSQL and SQL", 4, True),
            ("Automated testing", 3, False),
            ("Docker or Kubernetes", 2, False),
            ("Mentoring or technical leadership", 2, False),
        ),
    ),
    "product-designer": DemoJob(
        "Product Designer",
        "Lisbon",
        "You design our booking flows from research to the last pixel, keep the design system alive, and test with the "
        "people who use it.",
        (
            ("Figma", 4, True),
            ("User research and usability testing", 4, True),
            ("Design systems", 3, False),
            ("Accessibility", 3, False),
            ("HTML and CSS", 1, False),
        ),
    ),
    "support-lead": DemoJob(
        "Customer Support Lead (German)",
        "Vienna or remote",
        "You lead a support team of eight for German-speaking customers, own quality and onboarding, and bring what "
        "customers say to the product team.",
        (
            ("German at C1 or native level", 5, True),
            ("Leading a support team", 4, True),
            ("Zendesk or a similar help desk", 2, False),
            ("English", 2, True),
            ("Onboarding and coaching", 2, False),
        ),
    ),
}


def seed_demo() -> tuple[Company, list[Login]]:
    """Make the demo company with its members and jobs where they are missing; returns it and the logins."""
    with transaction.atomic():
        users = {email: _person(email, name, is_staff=role is None) for email, name, role in PEOPLE}
        company = Company.objects.filter(slug=slugify(COMPANY_NAME)).first() or _open_demo_company(users)
        for slug, job in JOBS.items():
            _post_job(company, slug, job)
    logins = [
        Login(role or "platform staff", email, PASSWORD, COMPANY_NAME if role else None) for email, _, role in PEOPLE
    ]
    return company, logins


def describe(company: Company, logins: list[Login], base_url: str) -> dict[str, object]:
    """Describe the demo for people and programs: who to sign in as, and where."""
    return {
        "logins": [asdict(login) for login in logins],
        "urls": {
            "tokens": f"{base_url}/c/{company.slug}/tokens/",
            "applications": f"{base_url}/c/{company.slug}/applications/",
            "careers_page": f"{base_url}/careers/{company.slug}/",
            "platform_staff": f"{base_url}/staff/",
        },
    }


def _person(email: str, name: str, *, is_staff: bool) -> User:
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, PASSWORD, name=name, is_staff=is_staff, is_superuser=is_staff)
        EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    return user


def _open_demo_company(users: Mapping[str, User]) -> Company:
    company = open_company(name=COMPANY_NAME, time_zone="Europe/Berlin", owner=users[PEOPLE[0][0]])
    for email, _, role in PEOPLE[1:]:
        if role is not None:
            Membership.objects.create(company=company, user=users[email], role=role)
    grant_tokens(
        company_id=company.pk,
        source=Source.PROMOTION,
        source_id="demo",
        amount_tokens=DEMO_TOKENS,
        priority=200,
        reason_code="demo",
    )
    return company


def _post_job(company: Company, slug: str, job: DemoJob) -> None:
    posted, created = Job.objects.get_or_create(
        company=company,
        slug=slug,
        defaults={"title": job.title, "location": job.location, "description": job.description},
    )
    if created:
        Criterion.objects.bulk_create(
            Criterion(job=posted, code=f"c{number}", text=text, weight=weight, must_have=must_have)
            for number, (text, weight, must_have) in enumerate(job.criteria, start=1)
        )
