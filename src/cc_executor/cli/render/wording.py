"""How durations, money, instants and strangers' text are written for people."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Final

from cc_executor.model.forecasts import Band
from cc_executor.model.outcomes import Changes, Outcome
from cc_executor.model.progress import Progress

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


def brief(seconds: float) -> str:
    """Return `0s`, `41s`, `3m05s`, `2h07m` or `3d4h`: for tables that grow while they are read."""
    whole = max(int(seconds), 0)
    if whole < _MINUTE_S:
        return f"{whole}s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S}m{whole % _MINUTE_S:02}s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S}h{whole % _HOUR_S // _MINUTE_S:02}m"
    return f"{whole // _DAY_S}d{whole % _DAY_S // _HOUR_S}h"


def expected(band: Band, observations: int) -> str:
    """Return how long something takes by its forecast: from half of the cases to nine in ten.

    `3m..7m`, or one of them where they are as good as the same; `~3m..7m` where no run was observed
    that this could rest on.
    """
    low, high = rough(band.p50), rough(band.p90)
    about = "" if observations else "~"
    return about + (low if low == high else f"{low}..{high}")


def rough(seconds: float) -> str:
    """Return `41s`, `3m`, `2h07m`: no more of it than a forecast can know."""
    if seconds < _MINUTE_S:
        return f"{max(round(seconds), 1)}s"
    return f"{round(seconds / _MINUTE_S)}m" if seconds < _HOUR_S else brief(seconds)


def against(progress: Progress) -> str:
    """Return how long an attempt has run, of what it takes by its forecast: `2m10s of 3m..7m`."""
    ran = brief(progress.running_s)
    band = progress.band
    return ran if band is None else f"{ran} of {expected(band, progress.observations)}"


def until(ends_at: float | None, at: float) -> str:
    """Return ` (4 s more)`, ` (until 12:03:04)`, ` (until 2026-01-31 12:03:04)`, or an empty text.

    Args:
        ends_at: When it ends; None: nobody knows.
        at: Now.
    """
    if ends_at is None:
        return ""
    left_s = ends_at - at
    if left_s < _MINUTE_S:
        return f" ({max(int(left_s), 0)} s more)"
    return f" (until {clock_time(ends_at) if left_s < _DAY_S / 2 else instant(ends_at)})"


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
    # A surrogate stands for a byte that is no character: no terminal can be sent it.
    return category in ("Cc", "Cs") or (category == "Cf" and character not in _JOINERS)
