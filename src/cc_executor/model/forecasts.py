"""How long things took, and how long the next one may take: values only."""

from __future__ import annotations

from typing import Literal

import msgspec

#: `completed`: it ended by itself, with success. `censored`: it was stopped at that duration; how
#: long it would have taken is unknown, only that it is longer. `failed`: it ended by itself,
#: otherwise; its duration says nothing about how long success takes.
Ending = Literal["completed", "censored", "failed"]


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a duration depends on, as far as it is known before the start.

    Attributes:
        agent: Name of the dialect; `command` for a plain program.
        model: In the agent's own words; None: the agent's default.
        effort: In the agent's own words; None: the agent's default.
        kind: What the task calls itself; a command's program where it does not; else empty.
        digest: First 16 hexadecimal digits of the SHA-256 of the prompt or argv.
        tokens: Estimate for the first request.
        load: Runnable processes per processor when it started; None: unknown.
    """

    agent: str
    model: str | None = None
    effort: str | None = None
    kind: str = ""
    digest: str = ""
    tokens: int = 0
    load: float | None = None


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt took. What nobody has seen is None, never zero.

    Attributes:
        at: When it ended, seconds since the epoch, UTC.
        duration_s: From exec to the end of the tree, without pauses.
        turns: Of the model.
        total_tokens: Read and written, caches included.
        max_rss_bytes: Peak resident size of its largest process.
    """

    subject: Subject
    at: float
    duration_s: float
    ending: Ending
    turns: int | None = None
    cost_usd: float | None = None
    total_tokens: int | None = None
    max_rss_bytes: int | None = None


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """Three quantiles: half, nine of ten, and 99 of a hundred stay within them."""

    p50: float
    p90: float
    p99: float


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a task, or a list of them, may take if nothing fails.

    Attributes:
        duration_s: Seconds.
        turns: Of the model; None: nothing is known of it. So with the others.
        timeout_s: What `timeout: auto` becomes: the p99 with its margin, capped.
        observations: How many were used.
        method: How it was made, in a few words: `formula`, `history: same prompt`, ...
    """

    duration_s: Band
    turns: Band | None = None
    cost_usd: Band | None = None
    total_tokens: Band | None = None
    memory_bytes: Band | None = None
    timeout_s: float
    observations: int = 0
    method: str = "formula"
