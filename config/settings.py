"""Settings of Winnow, all from the environment (docs/settings.md names every variable).

While embedded services run (``make demo``), their addresses are read from ``<WINNOW_DATA>/services.env``,
so that ``manage.py`` commands in another terminal reach the same database without further set-up.
"""

from pathlib import Path

import django_stubs_ext
import environ
from csp.constants import NONCE, SELF

from config.logs import logging_config

# Django's generic classes take their type parameters at run time too: ModelAdmin[Job], Field[str, str].
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")
WINNOW_DATA = Path(env.str("WINNOW_DATA", default=str(BASE_DIR / ".winnow")))
if not env.str("DATABASE_URL", default=""):
    environ.Env.read_env(WINNOW_DATA / "services.env", overwrite=True)

# Core ---------------------------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="debug-only-key" if DEBUG else environ.Env.NOTSET)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"

INSTALLED_APPS = [
    "config",
    "applications",
    "ai_gateway",
    "billing",
    "tokens",
    "tenants",
    "allauth",
    "allauth.account",
    "django_htmx",
    "csp",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.error_pages.WrongMethodPage",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "config.context.winnow",
            ],
        },
    }
]

# Data ---------------------------------------------------------------------------------------------------------

# The product connects as a role that owns nothing; migrations run with DATABASE_URL set to the owner's URL.
DATABASES = {"default": env.db_url("DATABASE_URL", default="postgres://winnow@127.0.0.1/winnow")}
DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {"min_size": 0, "max_size": 10, "timeout": 10}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(WINNOW_DATA / "media")))
FILE_UPLOAD_PERMISSIONS = 0o600
# Settlements that wait for the database; on a volume that outlives the process, shared by web and workers.
SPOOL_DIR = Path(env.str("SPOOL_DIR", default=str(WINNOW_DATA / "spool")))

# Work ---------------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A web request must not hang because the broker is away: publishing is only a wake-up, beat repeats it.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2, "socket_timeout": 10, "max_retries": 1}
CELERY_TIMEZONE = "UTC"
# Task and seconds between its runs. A run that did not start before the next is due is dropped: beat repeats it.
_SCHEDULE = {
    "applications.tasks.run_steps": 5,
    "tokens.tasks.drain_spool": 10,
    "tokens.tasks.expire_holds": 15,
    "tokens.tasks.expire_allocations": 60,
    "billing.tasks.renew_subscriptions": 300,
    "tokens.tasks.audit_ledger": 900,
    "ai_gateway.tasks.calibrate": 3600,
    "tokens.tasks.erase_answers": 3600,
    "tokens.tasks.make_partitions": 3600,
    "tokens.tasks.seal_ledger": 3600,  # once a day for each company: the hour depends on its zone
}
CELERY_BEAT_SCHEDULE = {
    task: {"task": task, "schedule": float(seconds), "options": {"expires": seconds}}
    for task, seconds in _SCHEDULE.items()
}

# People -------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = env.str("ACCOUNT_EMAIL_VERIFICATION", default="mandatory")
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# Who sets a password by the link from an e-mail has shown that the address is theirs.
ACCOUNT_FORMS = {"reset_password_from_key": "tenants.forms.SetPasswordForm"}
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
MAX_OWNED_COMPANIES = env.int("MAX_OWNED_COMPANIES", default=3)  # each begins with free tokens
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)  # how many X-Forwarded-For hops are ours
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
EMAIL_TIMEOUT = 10
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Winnow <noreply@localhost>")

# AI -----------------------------------------------------------------------------------------------------------

OPENAI_API_KEY = env.str("OPENAI_API_KEY", default="")
ANTHROPIC_API_KEY = env.str("ANTHROPIC_API_KEY", default="")
COMPATIBLE_BASE_URL = env.str("COMPATIBLE_BASE_URL", default="")
# The small model of make demo-llm (ai_gateway/local_model.py).
LOCAL_MODEL_URL = env.str("LOCAL_MODEL_URL", default="http://127.0.0.1:8102/v1")
SANDBOX_URL = env.str("SANDBOX_URL", default="http://127.0.0.1:8101/v1")
# The sandbox answers by rules, so outside DEBUG it serves only where somebody asked for it.
SANDBOX_ENABLED = env.bool("SANDBOX_ENABLED", default=DEBUG)

# An entry of the kind openai may say "api": "responses"; it is spoken to by chat completions otherwise.
AI_PROVIDERS = {
    "sandbox": {"kind": "openai", "base_url": SANDBOX_URL, "api_key": "sandbox", "models": ["sandbox-rules-1"]},
    # The same server in Anthropic's format: for developers who try that SDK.
    "sandbox-anthropic": {
        "kind": "anthropic",
        "base_url": SANDBOX_URL,
        "api_key": "sandbox",
        "models": ["sandbox-rules-1"],
    },
    "openai": {
        "kind": "openai",
        "base_url": env.str("OPENAI_BASE_URL", default="") or None,
        "api_key": OPENAI_API_KEY,
    },
    "anthropic": {
        "kind": "anthropic",
        "base_url": env.str("ANTHROPIC_BASE_URL", default="") or None,
        "api_key": ANTHROPIC_API_KEY,
    },
    "compatible": {
        "kind": "compatible",
        "base_url": COMPATIBLE_BASE_URL,
        "api_key": env.str("COMPATIBLE_API_KEY", default="none"),
    },
    "local": {"kind": "compatible", "base_url": LOCAL_MODEL_URL, "api_key": "local"},
}


def _default_provider() -> str:
    """Prefer the provider whose key or address is set; without any, the sandbox."""
    if OPENAI_API_KEY:
        return "openai"
    if ANTHROPIC_API_KEY:
        return "anthropic"
    return "compatible" if COMPATIBLE_BASE_URL else "sandbox"


AI_PROVIDER = env.str("AI_PROVIDER", default="") or _default_provider()
# Cheap models read, stronger models judge. Override one operation with AI_MODEL_<OPERATION>=provider/model; further
# models after commas are asked when those before are of no use. Staff may route otherwise on their page.
_MODELS = {
    "sandbox": {"default": "sandbox-rules-1"},
    "openai": {"default": "gpt-6-luna", "scoring": "gpt-6.1-terra", "decision": "gpt-6.1-terra"},
    "anthropic": {
        "default": "claude-haiku-5-5",
        "scoring": "claude-sonnet-5-5",
        "decision": "claude-sonnet-5-5",
    },
    "local": {"default": "smollm2-135m"},
    "compatible": {"default": env.str("COMPATIBLE_MODEL", default="local-model")},
}[AI_PROVIDER]
AI_OPERATIONS = ("cv_parse", "cv_analyze", "scoring", "decision", "question_generation", "video_interview")
AI_MODELS = {
    operation: env.str(
        f"AI_MODEL_{operation.upper()}", default=f"{AI_PROVIDER}/{_MODELS.get(operation, _MODELS['default'])}"
    )
    for operation in AI_OPERATIONS
}
AI_CALL_TIMEOUT_SECONDS = env.int("AI_CALL_TIMEOUT_SECONDS", default=90)
# By operation; a developer's request may be long, and the SDKs themselves wait for ten minutes.
AI_TIMEOUT_SECONDS = {
    operation: env.int(f"AI_TIMEOUT_{operation.upper()}", default=seconds)
    for operation, seconds in {
        **dict.fromkeys(AI_OPERATIONS, AI_CALL_TIMEOUT_SECONDS),
        "video_interview": 2 * AI_CALL_TIMEOUT_SECONDS,
        "api": 600,
    }.items()
}
# By operation, where it is not to be the gateway's own (ai_gateway/operations.py).
AI_OUTPUT_TOKENS = {
    operation: limit
    for operation in (*AI_OPERATIONS, "api")
    if (limit := env.int(f"AI_OUTPUT_TOKENS_{operation.upper()}", default=0))
}
AI_MAX_ATTEMPTS = env.int("AI_MAX_ATTEMPTS", default=3)
# So many failures on end stop requests to a provider; one is let through after a pause, which doubles while it fails.
AI_BREAKER_FAILURES = env.int("AI_BREAKER_FAILURES", default=5)
AI_BREAKER_PAUSE_SECONDS = env.float("AI_BREAKER_PAUSE_SECONDS", default=5.0)
AI_BREAKER_LONGEST_PAUSE_SECONDS = env.float("AI_BREAKER_LONGEST_PAUSE_SECONDS", default=120.0)
AI_ANSWER_DAYS = env.int("AI_ANSWER_DAYS", default=30)
# Companies' own keys at providers are encrypted with the first of these Fernet keys; all of them decrypt. Needed only
# where a company keeps one.
PROVIDER_KEYS_SECRETS = env.list(
    "PROVIDER_KEYS_SECRETS", default=["ZGVidWctb25seS1rZXktb2YtcHJvdmlkZXIta2V5cyE="] if DEBUG else []
)
OWN_KEY_PROVIDERS = ("openai", "anthropic")
TIKTOKEN_CACHE_DIR = env.str("TIKTOKEN_CACHE_DIR", default=str(WINNOW_DATA / "tiktoken"))

# The gateway over HTTP (/v1/): how long a provider may be silent in a stream, how long one is read on after the caller
# has left, how long a repeat waits for the call it repeats, and how long open calls may go on when the server stops.
API_SILENCE_SECONDS = env.float("API_SILENCE_SECONDS", default=120.0)
API_DRAIN_SECONDS = env.float("API_DRAIN_SECONDS", default=30.0)
API_REPEAT_WAIT_SECONDS = env.float("API_REPEAT_WAIT_SECONDS", default=30.0)
API_SHUTDOWN_SECONDS = env.float("API_SHUTDOWN_SECONDS", default=20.0)
API_MAX_OUTPUT_TOKENS = env.int("API_MAX_OUTPUT_TOKENS", default=64_000)
# Images that requests name by their address are fetched from the public internet; over plain HTTP only to develop.
API_IMAGE_URLS = env.bool("API_IMAGE_URLS", default=True)
API_IMAGE_URLS_OVER_HTTP = env.bool("API_IMAGE_URLS_OVER_HTTP", default=False)
API_IMAGE_SECONDS = env.float("API_IMAGE_SECONDS", default=10.0)
API_DATABASE_CONNECTIONS = env.int("API_DATABASE_CONNECTIONS", default=10)

# Uploads ------------------------------------------------------------------------------------------------------

CV_MAX_BYTES = 10_000_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # form fields; files are streamed to disk and checked apart
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
APPLICATIONS_PER_HOUR_PER_ADDRESS = env.int("APPLICATIONS_PER_HOUR_PER_ADDRESS", default=10)
APPLICATIONS_PER_HOUR_PER_JOB = env.int("APPLICATIONS_PER_HOUR_PER_JOB", default=300)

# Web ----------------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_THOUSAND_SEPARATOR = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(WINNOW_DATA / "static")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG

HTTPS = env.bool("HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
    }
}

# Watching -----------------------------------------------------------------------------------------------------

# /metrics answers to this token, or to these networks; without either it does not exist.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
METRICS_NETWORKS = env.list("METRICS_NETWORKS", default=[])
# Spans and metrics for OpenTelemetry; the SDK and the exporter are the operator's to install and to configure.
OPENTELEMETRY = env.bool("OPENTELEMETRY", default=False)

# Logs ---------------------------------------------------------------------------------------------------------

LOGGING = logging_config(level=env.str("LOG_LEVEL", default="INFO"), as_json=env.bool("LOG_JSON", default=not DEBUG))
