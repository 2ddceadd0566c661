"""Writes every log line as one JSON object, with what looks like a secret taken out."""

from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# They have a line for each task or each process at least.
_CHATTY = (
    "axes",
    "celery.app.trace",
    "celery.beat",
    "celery.worker.strategy",
    "django.server",
    "httpx2",
)
REDACTED = "[redacted]"
# Parts of names whose values never reach a log.
_SECRET = ("secret", "password", "passwd", "token", "authorization", "api_key", "cookie", "whsec")


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take the values of secret-like names out, however deep they lie."""
    return {name: _without_secrets(name, value) for name, value in event.items()}


def _without_secrets(name: str, value: Any) -> Any:  # noqa: ANN401 - anything may be logged
    if any(part in str(name).lower() for part in _SECRET):
        return REDACTED
    if isinstance(value, Mapping):
        return {inner: _without_secrets(str(inner), kept) for inner, kept in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets("", kept) for kept in value]
    return value


_BEFORE: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    redact,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(*, level: str) -> dict[str, Any]:
    """Set structlog up, and give Django's LOGGING, which sends the standard library's logs there.

    The loggers of Celery and kombu are named because kombu keeps its own silent otherwise.
    """
    structlog.configure(
        processors=[*_BEFORE, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _BEFORE,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    structlog.processors.JSONRenderer(default=str),
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            name: {"handlers": ["stderr"], "level": level, "propagate": False}
            for name in ("django", "celery", "kombu")
        }
        | {
            name: {"handlers": ["stderr"], "level": "WARNING", "propagate": False}
            for name in _CHATTY
        },
    }
