"""How the predecessor guessed a timeout, four times over: rebuilt from a description, not its code."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Final

from benchmarks.histories import Run

#: Returns a timeout in seconds from the run and the durations of its kind so far.
Heuristic = Callable[[Run, Sequence[float]], float]


def length_and_words(run: Run, _: Sequence[float]) -> float:
    """30, 60 or 120 s by the length of the prompt, and 30 s for each of some words in it."""
    by_length = 30.0 if run.chars < 500 else 60.0 if run.chars < 2_000 else 120.0
    return by_length + 30.0 * run.words


def mean_and_half(_: Run, durations: Sequence[float]) -> float:
    """The mean of what the kind has taken, times 1.5; 120 s without any."""
    return 1.5 * statistics.fmean(durations) if durations else 120.0


def p90_with_factors(_: Run, durations: Sequence[float]) -> float:
    """The 90th percentile times two, times three with fewer than ten; at least 300 s."""
    if not durations:
        return 300.0
    p90 = sorted(durations)[math.ceil(len(durations) * 0.9) - 1]
    return max(300.0, p90 * (2 if len(durations) >= 10 else 3))


def classes(run: Run, _: Sequence[float]) -> float:
    """60, 300 or 900 s for simple, middling or complex, by words."""
    return (60.0, 300.0, 300.0, 900.0)[min(run.words, 3)]


HEURISTICS: Final[dict[str, Heuristic]] = {
    "length and words": length_and_words,
    "mean x 1.5": mean_and_half,
    "p90 with factors": p90_with_factors,
    "keyword classes": classes,
}
