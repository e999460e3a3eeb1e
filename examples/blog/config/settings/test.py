"""Tests. With DB_HOSTNAME set they run against that Postgres (CI), otherwise against SQLite in memory."""

import os

from .base import *  # noqa: F403
from .base import DATABASES, LOGGING, MIDDLEWARE

SECRET_KEY = "for-tests-only"
ALLOWED_HOSTS = ["testserver"]
ADMIN_PATH = "desk/"
APP_VERSION = ""

if not os.environ.get("DB_HOSTNAME"):
    DATABASES["default"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Tests serve no static files, and assert on what is logged instead of printing it.
MIDDLEWARE.remove("whitenoise.middleware.WhiteNoiseMiddleware")
LOGGING["handlers"]["stdout"]["level"] = "CRITICAL"
