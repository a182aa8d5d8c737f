"""Companies, the people in them, and what each may do."""

from collections.abc import Mapping
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Length, Lower, Now
from django.db.models.lookups import Exact

from tenants.fields import uuid_key


class UserManager(BaseUserManager["User"]):
    """Create users that sign in by e-mail address, which is kept in lower case: sign-in compares it exactly."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Return the one spelling under which an address is stored and looked up."""
        return (email or "").strip().lower()

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a user; without a password the account can only be entered by a reset link."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a user with every right (platform staff)."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a user by address, whatever the case it is typed in."""
        return self.get(email=self.normalize_email(username))


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Erasure clears name and address and leaves the row, because ledger rows carry its id."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("platform staff", default=False)
    date_joined = models.DateTimeField(db_default=Now(), editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = (models.UniqueConstraint(Lower("email"), name="tenants_user_email_any_case"),)

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        """Bring the address into its stored spelling before a form compares or saves it."""
        super().clean()
        self.email = type(self).objects.normalize_email(self.email)

    def get_full_name(self) -> str:
        """Return the name to greet and list the person by."""
        return self.name or self.email


def validate_time_zone(name: str) -> None:
    """Refuse a name that the IANA database does not hold."""
    if name not in available_timezones():
        raise ValidationError("“%(name)s” is not a time zone. Choose one such as Europe/Berlin.", params={"name": name})


MAX_ANSWER_DAYS = 365


class Company(models.Model):
    """A tenant: everything a customer has hangs on one company, and no query crosses it."""

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=63, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    is_active = models.BooleanField(default=True)
    answer_days = models.PositiveSmallIntegerField(
        "Days to keep answers",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_ANSWER_DAYS)],
        help_text="How long answers of AI are stored for repeats of a call; empty: AI_ANSWER_DAYS.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    members = models.ManyToManyField(User, through="Membership", related_name="companies")

    class Meta:
        verbose_name_plural = "companies"
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(answer_days__isnull=True) | models.Q(answer_days__range=(1, MAX_ANSWER_DAYS)),
                name="tenants_company_answer_days_in_range",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which this company's days and months are cut."""
        return ZoneInfo(self.time_zone)


class Role(models.TextChoices):
    """What a member may do; each role may do all that the ones after it may."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    RECRUITER = "recruiter", "Recruiter"
    VIEWER = "viewer", "Viewer"


_RANK: Mapping[str, int] = {role: rank for rank, role in enumerate(reversed(Role.values))}


class Membership(models.Model):
    """One person's place in one company."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("company", "user"), name="tenants_membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="tenants_membership_known_role"),
        )

    def __str__(self) -> str:
        return f"{self.user} in {self.company}: {self.role}"

    def allows(self, role: str) -> bool:
        """Tell whether this member may do what ``role`` may."""
        return _RANK[self.role] >= _RANK[role]

    @property
    def can_recruit(self) -> bool:
        """May post jobs and act on applications."""
        return self.allows(Role.RECRUITER)

    @property
    def can_administer(self) -> bool:
        """May see tokens and cost, and manage members."""
        return self.allows(Role.ADMIN)


class KeyScope(models.TextChoices):
    """What an API key may be used for."""

    INFERENCE = "inference", "Make AI calls"
    MODELS = "models:read", "List models"
    REALTIME = "realtime", "Report realtime sessions"


class ApiKey(models.Model):
    """A company's key to the HTTP gateway. Revoked, never deleted: the ledger's rows carry its id.

    The secret is shown once and kept as its plain SHA-256: it is 256 random bits, so there is nothing to guess, and
    nothing that a slow or salted hash would add but time in every request.
    """

    id = uuid_key()
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, help_text="How the secret begins, to tell keys apart.")
    secret_sha256 = models.BinaryField(max_length=32, unique=True)
    scopes = models.JSONField()
    allowed_models = models.JSONField(default=list, blank=True, help_text="Names or patterns; empty: all.")
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the minute.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    form_token = models.UUIDField(
        null=True, blank=True, editable=False, help_text="The form it came from: sent again, it makes no second key."
    )

    class Meta:
        db_table = "tenants_api_key"
        constraints = (
            models.UniqueConstraint(fields=("company", "form_token"), name="tenants_api_key_one_per_form"),
            models.CheckConstraint(condition=Exact(Length("secret_sha256"), 32), name="tenants_api_key_hash_is_sha256"),
            models.CheckConstraint(
                condition=models.Q(scopes__contained_by=KeyScope.values) & ~models.Q(scopes=[]),
                name="tenants_api_key_known_scopes",
            ),
            models.CheckConstraint(
                condition=models.Q(requests_per_minute__isnull=True) | models.Q(requests_per_minute__gte=1),
                name="tenants_api_key_rate_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=models.F("created_at")),
                name="tenants_api_key_expires_after_start",
            ),
            models.CheckConstraint(
                condition=models.Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | models.Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="tenants_api_key_revoked_by_somebody",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
