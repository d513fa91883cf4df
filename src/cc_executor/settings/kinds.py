"""Kinds of values: what turns text, or a TOML value, into a setting's value.

A kind raises ValueError with what is wrong, as a phrase.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

#: Names, or beginnings of names, of what must never be passed on to agents.
_SECRET: Final = ("CC_EXECUTOR_", "REDIS_")
#: Lower case, no path. `*` and `null`, which every sandboxed page sends, would let strangers in.
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_SWITCH: Final = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def seconds(*, zero: bool = False) -> Callable[[object], float]:
    """Return the kind of a duration above 0, or from 0."""

    def parse(value: object) -> float:
        duration = _number(value)
        if duration < 0 or (duration == 0 and not zero):
            raise ValueError(f"must be a number of seconds {'from' if zero else 'above'} 0")
        return duration

    return parse


def amount(value: object) -> float:
    """Take a number above 0, up to a thousand million."""
    number = _number(value)
    if not 0 < number <= 1_000_000_000:
        raise ValueError("must be a number above 0, at most 1,000,000,000")
    return number


def count(low: int, high: int) -> Callable[[object], int]:
    """Return the kind of a whole number from `low` to `high`."""

    def parse(value: object) -> int:
        number = _number(value)
        if number != int(number) or not low <= number <= high:
            raise ValueError(f"must be a whole number from {low:,} to {high:,}")
        return int(number)

    return parse


def choice(*words: str) -> Callable[[object], str]:
    """Return the kind of one of a few words."""

    def parse(value: object) -> str:
        if value not in words:
            raise ValueError(f"{value!r} is not one of {', '.join(words)}")
        return str(value)

    return parse


def names(value: object) -> tuple[str, ...]:
    """Take names, as a list or separated by commas."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("must be names separated by commas")
    if any("," in one or "\0" in one for one in value):
        raise ValueError("a name cannot hold a comma or a NUL byte")
    return tuple(one for one in value if one)


def origins(value: object) -> tuple[str, ...]:
    """Take web origins, exactly as browsers send them; none that stands for many pages."""
    given = names(value)
    for one in given:
        if not _ORIGIN.fullmatch(one):
            raise ValueError(f"{one!r} is not an origin like https://tasks.example.org:8443")
    return given


def variables(value: object) -> tuple[str, ...]:
    """Take names of environment variables, or prefixes ending in `*`; none that may be a secret."""
    patterns = names(value)
    for pattern in patterns:
        stem = pattern.removesuffix("*")
        if "*" in stem or "=" in stem:
            raise ValueError(f"{pattern!r} is not a name, or a prefix ending in `*`")
        is_prefix = pattern != stem
        if stem.startswith(_SECRET) or (is_prefix and any(one.startswith(stem) for one in _SECRET)):
            raise ValueError(f"{pattern!r} would pass our own secrets on to agents")
    return patterns


def program(value: object) -> str:
    """Take the absolute path of an executable; whether it is there is seen when it is needed."""
    path = Path(_text(value, "an absolute path")).expanduser()
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return str(path)


def folder(value: object) -> Path:
    """Take the path of a directory; a relative one is relative to the current directory."""
    return Path(_text(value, "a path")).expanduser().absolute()


def path(value: object) -> Path:
    """Take the path of a file; a relative one is relative to the current directory."""
    return Path(_text(value, "a path")).expanduser().absolute()


def switch(value: object) -> bool:
    """Take yes or no."""
    word = str(value).lower()
    if word not in _SWITCH:
        raise ValueError(f"{value!r} is neither yes nor no")
    return _SWITCH[word]


def host(value: object) -> str:
    """Take an IP address, or a name without a port."""
    name = _text(value, "an address").strip("[]")
    if not re.fullmatch(r"[0-9A-Za-z.:%_-]+", name):
        raise ValueError(f"{value!r} is not an address or a host name")
    return name


def redis_url(value: object) -> str:
    """Take the URL of a Redis."""
    return _url(value, ("redis", "rediss", "unix"))


def server_url(value: object) -> str:
    """Take the URL of a server of ours."""
    return _url(value, ("ws", "wss", "http", "https", "unix"))


def log_level(value: object) -> str:
    """Take the name of a log level, in any case."""
    return choice("DEBUG", "INFO", "WARNING", "ERROR")(str(value).upper())


def _url(value: object, schemes: tuple[str, ...]) -> str:
    url = _text(value, "a URL")
    scheme, separator, rest = url.partition("://")
    if scheme not in schemes or not separator or not rest:
        raise ValueError(f"must begin with {', '.join(f'{one}://' for one in schemes)}")
    return url


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"must be {what}")
    return value


def _number(value: object) -> float:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - one kind of error for all
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{value!r} is not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number
