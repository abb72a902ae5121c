"""One settings file, read from the environment. A wrong value gets a sentence that says what to do."""

import os
import re
import secrets
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.conf import locale
from django.core.exceptions import ImproperlyConfigured

from portal import languages

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def _switch(name: str, default: bool) -> bool:
    """An on/off setting. django-environ reads "ja" or "2" as off without a word; here a slip is told."""
    value = env.str(name, default="1" if default else "0").strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name}={value} is neither on nor off. Write {name}=1 or {name}=0.")


# For developers on their own machine: errors are shown whole, and styles are read from their folder. Never in earnest.
DEBUG = _switch("DEBUG", False)

# 1: the starter content is published in the capacity "demonstration", and every such page says so. Never in earnest.
DEMO = _switch("DEMO", False)

DEMO_PASSWORD = "only-for-the-demo"  # nosec B105 # noqa: S105 -- printed by `make run`; opens nothing where DEMO is off

# The folder of what the portal itself writes: the embedded database, pictures, leaflets, collected styles, mail that
# was not sent, the kept secret. Without it: `var` beside the code.
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))

# `postgres://user:password@host:5432/name`, PostgreSQL 15 or newer. Without it: SQLite below `VAR_DIR`.
DATABASE_URL = env.str("DATABASE_URL", default="")


def _secret_key() -> str:
    # At least 32 characters, the same in every process. Needed with `DATABASE_URL`; else made once, kept in `VAR_DIR`.
    if key := env.str("SECRET_KEY", default=""):
        if len(key) < 32:
            raise ImproperlyConfigured(
                "SECRET_KEY is shorter than 32 characters. Make one with: "
                'python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
            )
        return key
    if DATABASE_URL:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. With DATABASE_URL several processes share one database, and they must share one "
            'secret: make one with python3 -c "import secrets; print(secrets.token_urlsafe(50))", keep it out of the '
            "repository, and set it in the environment of each."
        )
    kept = VAR_DIR / "secret_key"
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(kept, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return kept.read_text().strip()


SECRET_KEY = _secret_key()

# The one address readers use, such as `https://health.example.org`. Hosts, secure cookies and HSTS follow from it.
PUBLIC_ADDRESS = env.str("PUBLIC_ADDRESS", default="http://127.0.0.1:8000").rstrip("/")
_address = urlsplit(PUBLIC_ADDRESS)
_LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
if _address.scheme not in {"http", "https"} or not _address.hostname or _address.path:
    raise ImproperlyConfigured(
        f"PUBLIC_ADDRESS={PUBLIC_ADDRESS} is not an address. Write scheme and host, "
        "such as https://health.example.org, without a path."
    )
HTTPS = _address.scheme == "https"
if not HTTPS and not DEBUG and _address.hostname not in {"127.0.0.1", "localhost", "::1"}:
    raise ImproperlyConfigured(
        f"PUBLIC_ADDRESS={PUBLIC_ADDRESS} is not encrypted. What somebody reads about an illness must not travel in "
        "the open: use https://, or http://127.0.0.1 on your own machine."
    )
ALLOWED_HOSTS = sorted({_address.hostname, *_LOOPBACK})
CSRF_TRUSTED_ORIGINS = [PUBLIC_ADDRESS] if HTTPS else []

INSTALLED_APPS = [
    "modeltranslation",  # before admin: it patches the model admin's field handling
    "portal.publishing",
    "portal.listening",
    "portal.signing_in",
    "django_otp.plugins.otp_totp",  # the codes of a second factor
    "django_otp.plugins.otp_static",  # its recovery codes
    "portal.translating",
    "conditions.apps.ConditionsConfig",
    "django_prose_editor",
    "conditions.apps.DeskConfig",  # django.contrib.admin with a first page of our own
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "portal.middleware.asked_again_unless_said",  # around what says how long an answer stays true
    "portal.headers.headers",  # around all others: what they answer by themselves carries the headers as well
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.CompressWords",
    "portal.operating.middleware.for_operators",  # before anything looks at the Host
    "conditions.public.api.conduct",
    "portal.middleware.language_of_the_address",
    "conditions.public.views.in_words",
    "conditions.public.unavailable.while_the_database_is_away",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.signing_in.sessions.holds",
    "portal.middleware.acting",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "portal.addresses.site",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

if DATABASE_URL:
    try:
        _database = env.db_url_config(DATABASE_URL)
    except Exception as error:
        raise ImproperlyConfigured(
            f"DATABASE_URL cannot be read ({error}). Write postgres://user:password@host:5432/name."
        ) from error
    if _database.get("ENGINE") not in {"django.db.backends.postgresql", "django.db.backends.sqlite3"}:
        raise ImproperlyConfigured(
            "DATABASE_URL names a database this portal is not tested on. Write postgres://user:password@host:5432/name "
            "(PostgreSQL 15 or newer), or leave DATABASE_URL out to use the embedded SQLite."
        )
else:
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    _database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(VAR_DIR / "portal.sqlite3")}
if _database["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE: a writer takes its lock at the start, so two publishers queue instead of failing half way.
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: what was signed is on the disk before anybody is told so, a power cut included.
        # Half a megabyte of pages for each thread's connection, not two: what it reads again, the system has in memory.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-512;",
    }
    # Opened once for each thread, not for each page.
    _database["CONN_MAX_AGE"] = None
    # A file, so that the tests' threads meet on real connections of their own.
    _database["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
else:
    _database.setdefault("CONN_MAX_AGE", 60)
    _database.setdefault("CONN_HEALTH_CHECKS", True)
    # Seconds, milliseconds: a database that is away is noticed, and nobody waits for it as long as TCP would.
    _database["OPTIONS"] = {"connect_timeout": 2, "tcp_user_timeout": 3000, **_database.get("OPTIONS", {})}
DATABASES = {"default": _database}

# A streaming replica of that database, for readers' pages while it is up to date:
# `postgres://user:password@host:5432/name`. Its account needs to read only. The desk, commands and the clock never use
# it.
REPLICA_URL = env.str("REPLICA_URL", default="")
if REPLICA_URL:
    try:
        _replica = env.db_url_config(REPLICA_URL)
    except Exception:
        _replica = {}
    if not _replica.get("ENGINE", "").endswith("postgresql") or not _database["ENGINE"].endswith("postgresql"):
        raise ImproperlyConfigured(
            "REPLICA_URL and DATABASE_URL must both name PostgreSQL, one the streaming replica of the other: "
            "postgres://user:password@host:5432/name."
        )
    _own = {**_database["OPTIONS"], **_replica.get("OPTIONS", {}), "options": "-c default_transaction_read_only=on"}
    DATABASES["replica"] = {**_database, **_replica, "OPTIONS": _own, "TEST": {"MIRROR": "default"}}
    DATABASE_ROUTERS = ["portal.databases.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = ["portal.signing_in.backend.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]

# A code from a person's phone after the password. `required`: who has none sets it up before anything else.
SECOND_FACTOR = env.str("SECOND_FACTOR", default="offered")
if SECOND_FACTOR not in {"offered", "required"}:
    raise ImproperlyConfigured(
        f"SECOND_FACTOR={SECOND_FACTOR} is not known. Write SECOND_FACTOR=offered or SECOND_FACTOR=required."
    )
OTP_TOTP_ISSUER = _address.hostname  # what the app shows beside the code
# How often somebody may guess is for portal.signing_in.throttle to say. The devices' own rule has no upper end: whoever
# knows a password could lock its owner out for days.
OTP_TOTP_THROTTLE_FACTOR = OTP_STATIC_THROTTLE_FACTOR = 0

# Languages. Django's own list is extended by what it has no data for (Somali): without it change forms are a 500.
for _language in languages.LANGUAGES.values():
    locale.LANG_INFO.setdefault(
        _language.code,
        {
            "bidi": _language.direction == "rtl",
            "code": _language.code,
            "name": _language.english,
            "name_local": _language.name,
        },
    )
LANGUAGE_CODE = languages.SOURCE
LANGUAGES = [(language.code, language.english) for language in languages.LANGUAGES.values()]
LANGUAGES_BIDI = [language.code for language in languages.LANGUAGES.values() if language.direction == "rtl"]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
# Of the dates that people read: `Europe/Paris`.
TIME_ZONE = env.str("TIME_ZONE", default="UTC")

# A gap is a gap: the library must never answer in another language.
MODELTRANSLATION_DEFAULT_LANGUAGE = languages.SOURCE
MODELTRANSLATION_LANGUAGES = tuple(languages.LANGUAGES)
MODELTRANSLATION_ENABLE_FALLBACKS = False
MODELTRANSLATION_FALLBACK_LANGUAGES = ()
MODELTRANSLATION_CUSTOM_FIELDS = ()

# Where notices to the people at the desk are sent through: `smtp+tls://user:password@mail.example.org:587`. Without it
# no mail leaves: each is a file below `VAR_DIR/mail`.
EMAIL_URL = env.str("EMAIL_URL", default="")
if EMAIL_URL:
    try:
        _mail = env.email_url("EMAIL_URL")
    except Exception:
        # Without what was wrong: a password with a "/" in it would stand in that sentence.
        raise ImproperlyConfigured(
            "EMAIL_URL cannot be read. Write smtp+tls://user:password@mail.example.org:587, "
            "with %40 for an @ and %2F for a / in user or password."
        ) from None
    if _mail["EMAIL_BACKEND"].endswith("smtp.EmailBackend"):
        if not _mail["EMAIL_HOST"]:
            raise ImproperlyConfigured(
                "EMAIL_URL names no mail server. Write smtp+tls://user:password@mail.example.org:587."
            )
        _mail["EMAIL_PORT"] = _mail["EMAIL_PORT"] or (
            465 if _mail.get("EMAIL_USE_SSL") else 587 if _mail.get("EMAIL_USE_TLS") else 25
        )
    EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
    EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_HOST"] or "", _mail["EMAIL_PORT"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"] or "", _mail["EMAIL_HOST_PASSWORD"] or ""
    EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)
    EMAIL_FILE_PATH = _mail["EMAIL_FILE_PATH"] or str(VAR_DIR / "mail")
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(VAR_DIR / "mail")
EMAIL_TIMEOUT = 10  # seconds
# Who they are from. Without it: no-reply at the host of `PUBLIC_ADDRESS`.
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"no-reply@{_address.hostname}")
if "@" not in parseaddr(DEFAULT_FROM_EMAIL)[1]:
    raise ImproperlyConfigured(
        f"DEFAULT_FROM_EMAIL={DEFAULT_FROM_EMAIL} is not an e-mail address. Write portal@example.org, "
        "or The portal <portal@example.org>."
    )

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Pictures. Where several machines serve, one folder that all of them share: MEDIA_DIR=/srv/portal-media.
MEDIA_ROOT = Path(env.str("MEDIA_DIR", default=str(VAR_DIR / "media")))
MEDIA_URL = "/media/"
STORAGES = {
    "default": {"BACKEND": "portal.files.WholeFiles"},
    "staticfiles": {"BACKEND": "portal.static_files.Storage"},
}
# No far-future promise for names without a hash; WhiteNoise gives hashed names their year.
WHITENOISE_MAX_AGE = 300

# How long an edition stands before a clinician should look again (PIF TICK: at most three years). By kind where it
# differs: `REVIEW_INTERVALS=treatment=365,term=1095`. Whoever publishes may choose another date.
REVIEW_INTERVAL_DAYS = env.int("REVIEW_INTERVAL_DAYS", default=730)
REVIEW_INTERVALS = env.dict("REVIEW_INTERVALS", cast={"value": int}, default={})
# So many days a review may be late before the page itself says so.
REVIEW_GRACE_DAYS = env.int("REVIEW_GRACE_DAYS", default=30)

# What to dial in an emergency where this portal's readers live, such as `112`. Shown in every emergency card,
# in every language; never translated. Left empty, the cards say "your local emergency number".
EMERGENCY_NUMBER = env.str("EMERGENCY_NUMBER", default="").strip()
if not re.fullmatch(r"(\+?[0-9][0-9 ]{1,15})?", EMERGENCY_NUMBER):
    raise ImproperlyConfigured(
        f"EMERGENCY_NUMBER={EMERGENCY_NUMBER} is no telephone number. Write it as people dial it: 112."
    )

# Under which licence other sites may use what is published: an address, said in every answer of the API.
CONTENT_LICENCE = env.str("CONTENT_LICENCE", default="https://creativecommons.org/licenses/by/4.0/")

# So many days what readers answered, and searched for in vain, is kept.
FEEDBACK_DAYS = env.int("FEEDBACK_DAYS", default=400)

# Whoever last changed the words cannot sign them. A clinic of one person may set `FOUR_EYES=0`; its editions say so.
FOUR_EYES = _switch("FOUR_EYES", True)

# First drafts by a machine, off unless set: `libretranslate:https://translate.example.org` or
# `deepl:https://api-free.deepl.com`, with its key. Only published source words are sent.
MACHINE_TRANSLATION = env.str("MACHINE_TRANSLATION", default="")
MACHINE_TRANSLATION_KEY = env.str("MACHINE_TRANSLATION_KEY", default="")
if MACHINE_TRANSLATION:
    _name, _, _where = MACHINE_TRANSLATION.partition(":")
    if _name not in {"libretranslate", "deepl"} or urlsplit(_where).scheme not in {"http", "https"}:
        raise ImproperlyConfigured(
            f"MACHINE_TRANSLATION={MACHINE_TRANSLATION} cannot be read. Write libretranslate:https://its-address or "
            "deepl:https://api-free.deepl.com."
        )
    MACHINE_TRANSLATION = (_name, _where.rstrip("/"))

# For developers: languages whose interface is shown in a pseudo-language (`fr,ar`), to find untranslated words.
PSEUDO = env.list("PSEUDO", default=[])
if PSEUDO and HTTPS:
    raise ImproperlyConfigured("PSEUDO is for developers on their own machine: readers would see nonsense.")

# Each server process looks every 15 seconds what is due. `CLOCK=0`: something else calls `manage.py tick` instead.
CLOCK = _switch("CLOCK", True)

# `LEAFLETS=0`: readers are offered no PDF. A copy of the site (`manage.py export_site`) is then made much sooner.
LEAFLETS = _switch("LEAFLETS", True)

# Pages that were read before are answered from memory: so many megabytes of it in each server process, and 8 more
# for pages that are to be made again. 0: none.
FRONT_CACHE_MB = env.int("FRONT_CACHE_MB", default=32)

# Caches in front of the portal, each emptied whenever something was published: `https://user:secret@cache.example.org/`
# (several: with a space between). How it is asked, where it is not Varnish: `CDN_PURGE_METHOD=POST`,
# `CDN_PURGE_HEADERS="Fastly-Key: ..."` (several: with ";" between). Without `CDN_PURGE` no cache may keep pages.
CDN_PURGE = env.str("CDN_PURGE", default="").split()
CDN_PURGE_METHOD = env.str("CDN_PURGE_METHOD", default="PURGE")
CDN_PURGE_BODY = env.str("CDN_PURGE_BODY", default="")
_headers = [one.partition(":") for one in env.str("CDN_PURGE_HEADERS", default="").split(";") if one.strip()]
CDN_PURGE_HEADERS = {name.strip(): said.strip() for name, _, said in _headers}
# Without the values: they hold secrets.
if not all(urlsplit(one).scheme in {"http", "https"} and urlsplit(one).hostname for one in CDN_PURGE):
    raise ImproperlyConfigured("CDN_PURGE cannot be read. Write https://user:secret@cache.example.org/ for each cache.")
if not all(re.fullmatch(r"[A-Za-z0-9-]+", name) and said for name, said in CDN_PURGE_HEADERS.items()):
    raise ImproperlyConfigured('CDN_PURGE_HEADERS cannot be read. Write "Name: value", with ";" between several.')
if not re.fullmatch(r"[A-Z]+", CDN_PURGE_METHOD):
    raise ImproperlyConfigured(f"CDN_PURGE_METHOD={CDN_PURGE_METHOD} is no method. Write PURGE, POST or DELETE.")

# Sessions exist at the desk only; their cookies are not even sent to the public pages.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = "/admin/"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# No other site of this domain, and nobody on the way, can put one of ours into a browser.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = ("__Secure-session", "__Secure-csrf") if HTTPS else ("sessionid", "csrftoken")
# Eight idle hours, or until the browser is closed.
SESSION_COOKIE_AGE = 8 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
LOGIN_URL = "admin:login"
CSRF_FAILURE_VIEW = "conditions.public.views.forbidden"

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/(live|ready)$", r"^metrics$"]  # probes ask from inside, without TLS
# 1: a proxy before us ends TLS. It sets `X-Forwarded-Proto`, and adds to `X-Forwarded-For` itself.
BEHIND_PROXY = _switch("BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_REFERRER_POLICY = "no-referrer"
X_FRAME_OPTIONS = "DENY"

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
# A clinician's form sends every field twice, once as it was seen: a long condition has about 900.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3000

# How what goes wrong is written to the standard error: `plain` lines, or `json`, one object a line. Never an address.
LOG_FORMAT = env.str("LOG_FORMAT", default="plain")
if LOG_FORMAT not in {"plain", "json"}:
    raise ImproperlyConfigured(f"LOG_FORMAT={LOG_FORMAT} is not known. Write LOG_FORMAT=plain or LOG_FORMAT=json.")

# Whoever sends it as a bearer token may read `/metrics`: at least 20 characters. Without it there are no metrics.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
if METRICS_TOKEN and len(METRICS_TOKEN) < 20:
    raise ImproperlyConfigured(
        "METRICS_TOKEN is shorter than 20 characters. Make one with: "
        'python3 -c "import secrets; print(secrets.token_urlsafe(30))"'
    )

# What the metrics call this release, such as the commit. The container file sets it.
RELEASE = env.str("RELEASE", default="")

# No request line is ever logged: an address says what somebody reads about (portal.logs).
_formatter = "ForDevelopers" if DEBUG and LOG_FORMAT == "plain" else {"plain": "Plain", "json": "AsJson"}[LOG_FORMAT]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"without_addresses": {"()": f"portal.logs.{_formatter}"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "without_addresses"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        # Django's own handlers would print, or mail, whole requests.
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
        "weasyprint": {"handlers": ["console"], "level": "ERROR", "propagate": False},  # warns of each leaflet's CSS
        "_granian": {"handlers": ["console"], "propagate": False},
        # A list of who read what, even if somebody switches it on.
        "granian.access": {"handlers": ["nowhere"], "propagate": False},
    },
}
