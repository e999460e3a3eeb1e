"""What every environment shares. Values that differ between environments come from variables."""

from pathlib import Path
from urllib.parse import quote

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent.parent

# What this tree is, and what the deployment calls it. Both are shown on the index page.
VERSION = (BASE_DIR / "VERSION").read_text(encoding="utf-8").strip()
APP_VERSION = env.text("APP_VERSION", "")

DEBUG = False
ALLOWED_HOSTS = env.items("DJANGO_ALLOWED_HOSTS")
APPEND_SLASH = True
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Where the admin is mounted, for example "desk-7f3a/". Without it there is no admin.
ADMIN_PATH = env.text("DJANGO_ADMIN_PATH", "").lstrip("/")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    # /ht/ asks what this process needs. It does not ask the worker (celery_ping): a busy queue
    # must not take the web servers out of the load balancer.
    "health_check",
    "health_check.db",
    "health_check.cache",
    "health_check.contrib.migrations",
    "health_check.contrib.redis",
    "config.apps.ProjectConfig",
    "posts",
]

MIDDLEWARE = [
    # First: it answers before the host name is looked at and before any redirect to HTTPS.
    "config.middleware.liveness",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.text("DJANGO_TIME_ZONE", "UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": env.text("DB_HOSTNAME", "localhost"),
        "PORT": env.text("DB_PORT", "5432"),
        "NAME": env.text("DB_NAME", "blog"),
        "USER": env.text("DB_USERNAME", "blog"),
        "PASSWORD": env.text("DB_PASSWORD", ""),
        "CONN_MAX_AGE": env.integer("DB_CONN_MAX_AGE", 60),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": env.integer("DB_CONNECT_TIMEOUT", 5),
            "sslmode": env.text("DB_SSLMODE", "prefer"),
        },
    }
}
# The longest that one statement of a request or a task may take. Migrations have no limit.
DB_STATEMENT_TIMEOUT_MS = env.integer("DB_STATEMENT_TIMEOUT_MS", 15_000)


def redis_url(database):
    scheme = "rediss" if env.flag("REDIS_TLS", False) else "redis"
    password = env.text("REDIS_PASSWORD", "")
    login = f":{quote(password, safe='')}@" if password else ""
    host = env.text("REDIS_HOST", "localhost")
    port = env.integer("REDIS_PORT", 6379)
    return f"{scheme}://{login}{host}:{port}/{database}"


# One server, three databases: what may be flushed (the cache) stays apart from what may not.
REDIS_URL = redis_url(0) + "?socket_connect_timeout=3&socket_timeout=3"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "blog",
        "TIMEOUT": 300,
    }
}

CELERY_BROKER_URL = redis_url(1)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 3, "visibility_timeout": 3600}
# A request that hands over a task gives up soon when the broker is away.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.2}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TIMEZONE = TIME_ZONE
CELERY_REDBEAT_REDIS_URL = redis_url(2)
CELERY_BEAT_SCHEDULER = "redbeat.RedBeatScheduler"
# Every instance runs a scheduler; the lock lets one of them work. When that one dies without a word, another takes
# over after this many seconds (five turns of the loop).
CELERY_BEAT_MAX_LOOP_INTERVAL = 30
CELERY_REDBEAT_LOCK_TIMEOUT = 150
CELERY_BEAT_SCHEDULE = {
    "recount-comments": {"task": "posts.tasks.recount_comments", "schedule": 900.0},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.BasicAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "PAGE_SIZE": 20,
}

CORS_ALLOWED_ORIGINS = env.items("CORS_ALLOWED_ORIGINS")

# The platform collects what the containers print.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
    },
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "line",
        },
    },
    "root": {"handlers": ["stdout"], "level": env.text("LOG_LEVEL", "INFO")},
    # Django's own handlers would write each line twice.
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
    },
}
