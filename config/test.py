"""Settings of the test suite: what differs from config.settings, and why."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests")
os.environ.setdefault("SANDBOX_ENABLED", "1")
os.environ.setdefault("PROVIDER_KEYS_SECRETS", "b25seS1mb3ItdGVzdHMtYW5kLW5vdGhpbmctZWxzZSE=")

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, MIDDLEWARE  # noqa: E402

# A pool would keep connections open that the test database's tear-down has to wait for.
DATABASES["default"].get("OPTIONS", {}).pop("pool", None)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_TASK_ALWAYS_EAGER = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Its warning about a folder that collectstatic makes would be an error here.
MIDDLEWARE.remove("whitenoise.middleware.WhiteNoiseMiddleware")
