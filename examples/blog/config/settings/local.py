"""A developer's machine: the compose file starts Postgres and Redis."""

from config import env

from .base import *  # noqa: F403
from .base import ADMIN_PATH

DEBUG = env.flag("DEBUG", True)
SECRET_KEY = env.text("DJANGO_SECRET_KEY", "for-local-development-only")
ALLOWED_HOSTS = env.items("DJANGO_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],.localhost")
ADMIN_PATH = ADMIN_PATH or "admin/"
