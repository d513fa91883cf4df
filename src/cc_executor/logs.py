"""Log records on stderr: one line each, the event's name as message, its facts beside it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TextIO


class LogFormat(StrEnum):
    """How a record looks. `auto`: as text on a terminal, as JSON elsewhere."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


_ROOT: Final = "cc_executor"
#: What every record has; whatever else it carries came in through `extra`.
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class TextLine(logging.Formatter):
    """For people: `12:03:04 INFO attempt ended task_id=01k9.1 duration_s=26.1`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        at = datetime.fromtimestamp(record.created).astimezone()
        said = " ".join(f"{name}={_short(value)}" for name, value in facts(record).items())
        line = f"{at:%H:%M:%S} {record.levelname} {_one_line(record.getMessage())}"
        return f"{line} {said}" if said else line


class JsonLine(logging.Formatter):
    """For programs: one JSON object a line; instants are UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **facts(record),
        }
        return json.dumps(line, ensure_ascii=False, default=str)


class Stderr(logging.Handler):
    """Writes to whatever `sys.stderr` is now: a live view may have put itself in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a closed or broken stderr is nobody's error."""
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return


def configure(*, level: str, format: LogFormat) -> None:  # noqa: A002 - the word of the setting
    """Send the package's records to stderr; calling it again replaces what was set.

    Args:
        level: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.
        format: How they look.
    """
    logger = logging.getLogger(_ROOT)
    for handler in tuple(logger.handlers):
        if isinstance(handler, Stderr):
            logger.removeHandler(handler)
    handler = Stderr()
    handler.setFormatter(JsonLine() if _wants_json(format, sys.stderr) else TextLine())
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False


def facts(record: logging.LogRecord) -> Mapping[str, Any]:
    """Return what the record carries beyond its message: its `extra`, and its exception."""
    said = {name: value for name, value in vars(record).items() if name not in _OWN}
    if record.exc_info and record.exc_info[0] is not None:
        kind, error, _ = record.exc_info
        said["error"] = f"{kind.__name__}: {error}"
        said["traceback"] = logging.Formatter().formatException(record.exc_info)
    return said


def _wants_json(format: LogFormat, stream: TextIO) -> bool:  # noqa: A002 - the word of the setting
    return format is LogFormat.JSON or (format is LogFormat.AUTO and not stream.isatty())


def _short(value: object) -> str:
    text = _one_line(value if isinstance(value, str) else json.dumps(value, default=str))
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text


def _one_line(text: str) -> str:
    """Return the text without anything that would begin a new line or command a terminal."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
