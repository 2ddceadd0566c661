"""Settings of every process; what differs between installations comes from the environment."""

import os
from contextlib import suppress
from pathlib import Path

import psycopg
from csp.constants import NONE, SELF

from config import embedded, logs

BASE_DIR = Path(__file__).resolve().parent.parent
IS_PRODUCTION = os.environ.get("RECON_ENV") == "production"
DEBUG = os.environ.get("RECON_DEBUG") == "1"


def _secret(name: str) -> str:
    """Read a secret from the environment; elsewhere than in production make one and keep it."""
    if value := os.environ.get(name):
        return value
    if IS_PRODUCTION:
        raise RuntimeError(f"{name} is not set. See README, 'Production settings'.")
    path = embedded.data_dir() / name.lower()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.touch(mode=0o600)
        new.write_text(os.urandom(48).hex())
        with suppress(FileExistsError):  # another process was first: its secret is the one
            path.hardlink_to(new)
        new.unlink()
    return path.read_text()


SECRET_KEY = _secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = os.environ.get("SECRET_KEY_FALLBACKS", "").split()
# Encrypts the secrets of sources and personal data at rest; a change of it needs a rotation.
MASTER_KEY = _secret("MASTER_KEY")
# Signs the audit trail's checkpoints (Ed25519, PEM); made on first use outside production.
AUDIT_SIGNING_KEY = os.environ.get("AUDIT_SIGNING_KEY", "")
AUDIT_SIGNING_KEY_FILE = embedded.data_dir() / "audit_signing_key.pem"
# Whom checkpoints are checked against, `name+id+base64` each; empty: our own key.
AUDIT_PUBLIC_KEYS = os.environ.get("AUDIT_PUBLIC_KEYS", "").split()
AUDIT_ORIGIN = os.environ.get("AUDIT_ORIGIN", "reconcile/audit")
# Copies of the checkpoints, out of the database's reach; another disk is better.
AUDIT_ANCHOR_FILE = os.environ.get("AUDIT_ANCHOR_FILE", embedded.data_dir() / "audit_anchors.jsonl")
# Who names the subjects of each stream: the trail itself imports no other app.
AUDIT_SUBJECTS = {
    "order": "reconciliation.trail.Orders",
    "case": "exceptions.trail.Cases",
    "source": "reconciliation.trail.Sources",
    "rulebook": "reconciliation.trail.Rulebooks",
    "writeback": "reconciliation.trail.WriteBacks",
    "access": "config.trail.People",
    "system": "config.trail.Product",
    "team": "exceptions.trail.Teams",
}
# Who else holds personal data, and takes it out when a person is erased.
ALSO_ERASES = ["exceptions.forget.forget"]
# Who else holds bytes for a time, by what these are called: dropped with the others.
ALSO_DROPS = {"attachments": "exceptions.forget.drop_files"}
# How long bytes as received are kept; the body without personal fields stays for ever.
RAW_KEPT_DAYS = int(os.environ.get("RAW_KEPT_DAYS", "90"))
# How long files on comments are kept after their exception was closed.
FILES_KEPT_DAYS = int(os.environ.get("FILES_KEPT_DAYS", "365"))
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost 127.0.0.1 [::1]").split()
CSRF_TRUSTED_ORIGINS = os.environ.get("CSRF_TRUSTED_ORIGINS", "").split()

INSTALLED_APPS = [
    "config.apps.ConfigConfig",
    "exceptions.apps.ExceptionsConfig",
    "reconciliation.apps.ReconciliationConfig",
    "audit.apps.AuditConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_fsm",
    "simple_history",
    "lucide",
    "axes",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.NeedsSignIn",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.work_pages",
    "config.middleware.time_zone",
    "config.middleware.NeedsRole",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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
                "config.shell.shell",
            ],
        },
    },
]


def _database(url: str, *, limits: str) -> dict[str, object]:
    """Turn a connection string into Django's form, with `limits` so that nothing waits for ever."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", embedded.DATABASE_NAME),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 3,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
            **parts,  # sslmode and the like
            "options": f"{parts.get('options', '')} {limits}".strip(),
        },
    }


if IS_PRODUCTION and embedded.is_bundled():
    raise RuntimeError("DATABASE_URL is not set. Production brings its own PostgreSQL; see README.")
if embedded.is_bundled():
    _app_url, _owner_url, _ = embedded.servers()
else:
    _app_url = os.environ["DATABASE_URL"]
    _owner_url = os.environ.get("OWNER_DATABASE_URL") or _app_url
# The product works as a role that owns nothing; only `migrate` and `selfcheck` use the owner.
DATABASES = {
    "default": _database(
        _app_url,
        limits="-c statement_timeout=60000 -c lock_timeout=5000"
        " -c idle_in_transaction_session_timeout=30000"
        # What is asked for was mostly written a moment ago, and disks no longer seek; compiling a
        # statement costs more than it saves.
        " -c random_page_cost=1.1 -c jit=off",
    ),
    "owner": _database(_owner_url, limits="-c lock_timeout=30000"),
}
DATABASE_ROUTERS: list[str] = []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = os.environ.get("REDIS_URL") or f"unix://{embedded.valkey_socket()}"
CACHES = {
    "default": {
        "BACKEND": "config.cache.ForgivingCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "recon",
        "OPTIONS": {"protocol": 2, "socket_timeout": 2, "socket_connect_timeout": 1},
    }
}
LOGGING = logs.configure(level=os.environ.get("LOG_LEVEL", "INFO").upper())

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_TEMPLATE = "config/locked_out.html"
AXES_IPWARE_PROXY_COUNT = int(os.environ.get("PROXY_COUNT", "0"))
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"
CSRF_FAILURE_VIEW = "config.views.errors.csrf_failed"

SESSION_ENGINE = "django.contrib.sessions.backends.db"  # a Redis flush signs nobody out
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_PRODUCTION
SECURE_SSL_REDIRECT = IS_PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^health/(live|ready)/$"]  # probes ask from inside, without TLS
SECURE_HSTS_SECONDS = 31_536_000 if IS_PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_PRODUCTION
if os.environ.get("TRUST_PROXY_PROTO") == "1":
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024  # a batch of 500 events; one event is held to 1 MiB
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
FILE_UPLOAD_HANDLERS = [
    "config.uploads.CappedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Write-backs go to public addresses over https; the demo and the tests call this very machine.
RECON_ALLOW_LOCAL_TARGETS = not IS_PRODUCTION
# Where messages to people go beside their inbox: apprise addresses, `{email}` is the recipient's.
NOTIFY_URLS = os.environ.get("NOTIFY_URLS", "").split()
# How much a person may do on many exceptions without a second one: so many, and so much at risk,
# in minor units of each currency.
BULK_ALONE_ITEMS = int(os.environ.get("BULK_ALONE_ITEMS", "50"))
BULK_ALONE_MINOR = int(os.environ.get("BULK_ALONE_MINOR", "1000000"))

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
STATIC_URL = "/static/"
# Elsewhere than in production, files are served from where they are written.
STATIC_ROOT = embedded.data_dir() / "static" if IS_PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
