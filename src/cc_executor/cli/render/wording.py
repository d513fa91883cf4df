"""How durations, money, instants and strangers' text are written for people."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Final

from cc_executor.model.outcomes import Changes, Outcome

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_KEPT: Final = frozenset("\n\t")
#: Format characters can reorder what is read on a line; joiners are part of words and emoji.
_JOINERS: Final = frozenset("\u200c\u200d")


def duration(seconds: float | None) -> str:
    """Return `0.4 s`, `41 s`, `3 min 05 s`, `2 h 07 min`, `3 d 4 h`, or `-` when unknown."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"


def money(usd: float | None) -> str:
    """Return `$0.0123`, or `cost unknown`: unknown is not zero."""
    return "cost unknown" if usd is None else f"${usd:.4f}"


def clock_time(at: float) -> str:
    """Return the local time of day, `12:03:04`."""
    return f"{datetime.fromtimestamp(at).astimezone():%H:%M:%S}"


def instant(at: float | None) -> str:
    """Return the local date and time, `2026-01-31 12:03:04`, or `-` when unknown."""
    return "-" if at is None else f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S}"


def counted(count: int, noun: str) -> str:
    """Return `1 task`, `3 tasks`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def harmless(text: str) -> str:
    """Return text of an agent or file so that printing it cannot command the terminal."""
    if text.isprintable():
        return text
    return "".join(one if one in _KEPT or not _commands(one) else "\ufffd" for one in text)


def one_line(text: str, width: int = 200) -> str:
    """Return the first line that says something, harmless, cut to `width` characters."""
    for line in text.splitlines():
        said = " ".join(harmless(line).split())
        if said:
            return said if len(said) <= width else said[: width - 1] + "…"
    return ""


def changes(seen: Changes) -> str:
    """Return `2 files created, 1 modified`, or an empty text when nothing was seen to change."""
    kinds = (("created", seen.created), ("modified", seen.modified), ("deleted", seen.deleted))
    parts = [(len(paths), kind) for kind, paths in kinds if paths]
    if not parts:
        return ""
    (first, kind), *rest = parts
    return ", ".join([f"{counted(first, 'file')} {kind}", *(f"{n} {kind}" for n, kind in rest)])


def why(outcome: Outcome) -> str:
    """Return why a task did not succeed, on one line."""
    slug = str(outcome.failure or outcome.state)
    which = f" ({outcome.detail})" if outcome.detail else ""
    said = one_line(outcome.message or "")
    return f"{slug}{which}: {said}" if said else f"{slug}{which}"


def _commands(character: str) -> bool:
    category = unicodedata.category(character)
    return category == "Cc" or (category == "Cf" and character not in _JOINERS)
