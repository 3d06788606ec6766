"""Django's settings. The values that differ between installations come from `config.env`."""

from __future__ import annotations

from typing import Any

import django_stubs_ext
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from common.database import SERVER_LIMITS, BoundedConnection
from config.env import (
    ROOT,
    database_settings,
    environment,
    model_roots,
    model_server_token,
    running_stack,
    secret_key,
    watched_folders,
)

# Allows `CharField[str, str]` and similar types in code that runs.
django_stubs_ext.monkeypatch()

env = environment()
_stack = running_stack(env.var)

BASE_DIR = ROOT
DEBUG = env.debug
SECRET_KEY = secret_key(env)
ALLOWED_HOSTS = list(env.allowed_hosts)

# -- Kosha ----------------------------------------------------------------------------
KOSHA_VAR = env.var
KOSHA_STORAGE_ROOT = env.var / "storage"
KOSHA_JOB_CORES = env.job_cores
KOSHA_MAX_UPLOAD_BYTES = env.max_upload_bytes
KOSHA_OCR = env.ocr
KOSHA_READ_TOGETHER = env.read_together
KOSHA_DISK_FLOOR_BYTES = env.disk_floor_bytes
KOSHA_DISK_RESERVE_BYTES = env.disk_reserve_bytes
KOSHA_RUN_FOLDER_DAYS = env.run_folder_days
KOSHA_METRICS_DAYS = env.metrics_days
KOSHA_PAGE_PICTURE_DAYS = env.page_picture_days
KOSHA_PAGE_PICTURE_BYTES = env.page_picture_bytes
KOSHA_SERVE_CONTEXT_LIMIT = env.serve_context_limit
KOSHA_MODEL_ROOTS = model_roots(env)
KOSHA_WATCHED_FOLDERS = watched_folders(env)
KOSHA_BUCKET_HOSTS = env.bucket_hosts or None
KOSHA_PUBLIC_URL: str = env.public_url or _stack.get("base_url") or f"http://{env.host}:{env.port}"
MODEL_SERVER_URL: str = env.model_server_url or _stack.get("model_server_url") or "http://127.0.0.1:8001"
MODEL_SERVER_TOKEN = model_server_token(env)
REDIS_URL: str = env.redis_url or _stack.get("redis_url") or "redis://127.0.0.1:6379/0"

# -- applications ---------------------------------------------------------------------------
KOSHA_APPS = [
    # The API's description lists them in this order.
    "documents",
    "sources",
    "curation",
    "registry",
    "training",
    "evaluations",
    "retrieval",
    "releases",
    "pipelines",
    "chat",
    "schedules",
    "jobs",
    "audit",
    "accounts",
    "notifications",
    "middleware",
    "health",
    "console",
    "stack",
    "backup",
    "common",
]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "common.apps.CollectedFilesConfig",
    "django.contrib.humanize",
    "csp",
    "ninja",
    *KOSHA_APPS,
]
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "middleware.language.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "middleware.head.HeadMiddleware",
    "middleware.errors.ErrorMiddleware",
    "middleware.authorization.PrincipalMiddleware",
    "middleware.authorization.AuthorizationMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.context.console",
            ],
            # `{% csrf_token %}` also writes the organization that the page was opened in.
            "builtins": ["console.templatetags.page_organization"],
            **(
                {}
                if DEBUG
                else {
                    "loaders": [
                        (
                            "django.template.loaders.cached.Loader",
                            ["django.template.loaders.filesystem.Loader"],
                        )
                    ]
                }
            ),
        },
    }
]

# -- data -----------------------------------------------------------------------------------
_database_url = env.database_url or _stack.get("database_url") or "postgresql://kosha@127.0.0.1:5432/kosha"
DATABASES: dict[str, dict[str, Any]] = {"default": database_settings(_database_url)}
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES["default"]["OPTIONS"].setdefault("application_name", f"kosha {env.process}".strip())
DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", "5")
if env.process == "web":
    # Only the web serves many short requests at once; a pool in a forking Celery worker would be
    # shared across the fork.
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": env.database_pool_size,
        "timeout": 5,
        # More requests would not get a connection within the timeout; they are refused immediately.
        "max_waiting": 20 * env.database_pool_size,
        # The pool's attempts become rarer during an outage. It gives up soon, so that the next request starts a new
        # attempt.
        "reconnect_timeout": 5,
        "connection_class": BoundedConnection,
    }
    DATABASES["default"]["OPTIONS"].setdefault("options", SERVER_LIMITS)
    # A connection is checked before use: after a restart of PostgreSQL all are stale.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

FILE_UPLOAD_HANDLERS = ["common.spooling.WholeNameUploadHandler"]
FILE_UPLOAD_TEMP_DIR = env.var / "uploads"
# Bodies that are not files (JSON); files are streamed to disk and limited by the upload service.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024**2

# -- people ---------------------------------------------------------------------------------
PASSWORD_HASHERS = [
    "accounts.hashers.BoundedArgon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {"user_attributes": ("email", "name")}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "sign_in"

# -- mail -----------------------------------------------------------------------------------
EMAIL_HOST = env.smtp_host
EMAIL_PORT = env.smtp_port
EMAIL_HOST_USER = env.smtp_user
EMAIL_HOST_PASSWORD = env.smtp_password
EMAIL_USE_TLS = env.smtp_security == "starttls"
EMAIL_USE_SSL = env.smtp_security == "tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.mail_from

# -- languages and time ---------------------------------------------------------------------
LANGUAGE_CODE = "ja"
LANGUAGES = [("ja", _("Japanese")), ("en", _("English"))]
LOCALE_PATHS = [ROOT / "platform" / "locale"]
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = env.https
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Tokyo"

# -- static files ---------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = env.var / "static"
STATICFILES_DIRS = [ROOT / "static"]
# In development an edited file is served at once, whatever an earlier `up` has collected.
KOSHA_STATIC_COLLECTED = not DEBUG and (STATIC_ROOT / "staticfiles.json").is_file()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "common.static_files.StaticFiles"},
}
# Only names with a hash are served, and their content never changes: WhiteNoise reads the sizes at its start.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# Source files can change while they are served, so their size is read for each request.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not KOSHA_STATIC_COLLECTED
WHITENOISE_MAX_AGE = 0 if WHITENOISE_AUTOREFRESH else 60

for _folder in (FILE_UPLOAD_TEMP_DIR, STATIC_ROOT):
    _folder.mkdir(parents=True, exist_ok=True)

# -- browser security -----------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        "base-uri": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_NAME = "kosha_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.https
SESSION_COOKIE_AGE = 60 * 60 * 12
CSRF_COOKIE_NAME = "kosha_csrf"
CSRF_FAILURE_VIEW = "console.errors.csrf_failure"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = list(env.trusted_origins)
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if env.https else 0
if env.behind_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# -- logs -----------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "config.log_format.JsonLineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.log_level},
    "loggers": {
        # Django adds handlers to these two; one line per record is enough.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        # These log addresses with their parameters for every call.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}
