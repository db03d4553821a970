"""Logs on standard error."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from reconciler.cli.settings import LogFormat, Settings, should_use_colour
from reconciler.report.sanitize import sanitize_text

SECRET_KEYS: Final = frozenset({"password", "api_key", "cookie", "authorization", "magnet"})


def configure(settings: Settings, *, always: bool = False) -> None:
    """Set up structlog if the command may log. A plain run does not import it, which saves a tenth of a second."""
    if always or settings.verbose or settings.log_format is LogFormat.JSON or "structlog" in sys.modules:
        _configure_structlog(settings)


def debug(settings: Settings, event: str, **values: object) -> None:
    """Log an event that only `-v` shows."""
    if settings.verbose:
        import structlog

        structlog.get_logger().debug(event, **values)


def redact_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask every value whose key is named like a secret, at any depth: the last line of defence."""
    for key, value in event.items():
        event[key] = _redact_value(key, value)
    return event


def _redact_value(key: str, value: object) -> object:
    if key.lower().replace("-", "_") in SECRET_KEYS:
        return "***"
    if isinstance(value, Mapping):
        return {inner_key: _redact_value(str(inner_key), inner) for inner_key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redact_value("", item) for item in value]
    return value


def _sanitize_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape control characters: a torrent's name must not drive the terminal that shows the log."""
    return {
        key: sanitize_text(value) if isinstance(value, str) and key != "exception" else value
        for key, value in event.items()
    }


def _encode_event(event: object, **options: Any) -> str:
    from reconciler.report.json.common import escape_runner_commands

    return escape_runner_commands(json.dumps(event, **options))


def _configure_structlog(settings: Settings) -> None:
    import structlog

    level = logging.ERROR if settings.quiet else logging.DEBUG if settings.verbose else logging.INFO
    # The default traceback of structlog shows local variables, which may be secrets, and is as wide as the terminal.
    console = structlog.dev.ConsoleRenderer(
        colors=should_use_colour(sys.stderr), exception_formatter=structlog.dev.plain_traceback
    )
    renderers: list[Any] = [_sanitize_event, console]
    if settings.log_format is LogFormat.JSON:
        renderers = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_encode_event)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact_event,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
