"""Made-up histories of runs whose true distribution is known, with fixed seeds.

Each has several kinds of tasks, from seconds to an hour: a store of history has that, and where all
tasks are alike any fixed timeout is as good as another.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from cc_executor.model.forecasts import Subject

#: Typical seconds of each kind, and how its prompts look: bytes, and words of the predecessor's
#: lists in it. Length and words say a little about the duration, as they do in life.
KINDS: Final = {
    "lint": (15.0, 200, 0),
    "rename": (30.0, 150, 0),
    "explain": (45.0, 1_500, 1),
    "fix": (120.0, 600, 1),
    "test": (240.0, 400, 2),
    "review": (300.0, 6_000, 1),
    "feature": (900.0, 2_000, 3),
    "migrate": (2_400.0, 900, 2),
}


class Run(NamedTuple):
    """One healthy run.

    Attributes:
        subject: The task.
        true_s: What it takes, if nobody stops it.
        words: How many of the predecessor's words its prompt has.
        chars: Length of its prompt.
        seen: Whether a forecast of it is judged.
        cancelled_s: When somebody stops it for a reason of their own; None: nobody.
    """

    subject: Subject
    true_s: float
    words: int
    chars: int
    seen: bool = True
    cancelled_s: float | None = None


#: Returns the factor on the typical duration of a kind, by the number of the run.
Spread = Callable[[int, random.Random], float]


def log_normal(_: int, chance: random.Random) -> float:
    """Most things."""
    return chance.lognormvariate(0, 0.6)


def narrow(_: int, chance: random.Random) -> float:
    """Nearly the same each time."""
    return chance.lognormvariate(0, 0.15)


def heavy(_: int, chance: random.Random) -> float:
    """A power law: no variance."""
    return chance.paretovariate(1.5)


def two_humps(_: int, chance: random.Random) -> float:
    """One in eight needs ten times as long: it has to build everything first."""
    return chance.lognormvariate(math.log(10) if chance.random() < 0.125 else 0, 0.3)


def drifting(number: int, chance: random.Random) -> float:
    """Half as long again every hundred runs, for six hundred runs."""
    return chance.lognormvariate(math.log(1.5) * min(number, 600) / 100, 0.5)


def jumping(number: int, chance: random.Random) -> float:
    """A new version of the agent takes 1.6 times as long."""
    return chance.lognormvariate(math.log(1.6) if number >= 120 else 0, 0.5)


def recorded(number: int, chance: random.Random) -> float:
    """Rounds of a model and of tools, as the kept transcripts of the real CLI show them.

    A number of rounds, each with a wait for the model and, mostly, a tool; one wait in fifty is
    repeated after an overload; a run in thirty works in the background for as long again.
    """
    rounds = 1 + min(60, int(chance.paretovariate(1.1)))
    each = (chance.lognormvariate(0, 0.4) + chance.expovariate(2.0) for _ in range(rounds))
    waits = sum(chance.uniform(1, 8) for _ in range(rounds) if chance.random() < 0.02)
    total = (2 + sum(each) + waits) / 8
    return total * (2 if chance.random() < 1 / 30 else 1) * (1 + 0.1 * math.sin(number / 60))


SPREADS: Final[dict[str, Spread]] = {
    "log-normal": log_normal,
    "narrow": narrow,
    "heavy tail": heavy,
    "two humps": two_humps,
    "drifting": drifting,
    "jump": jumping,
    "like transcripts": recorded,
}


def history(spread: Spread, *, runs: int, seed: int) -> list[Run]:
    """Return runs of all kinds, mixed."""
    chance = random.Random(seed)
    return [_run(chance.choice(list(KINDS)), spread, number, chance) for number in range(runs)]


def cancelled(*, runs: int, seed: int) -> list[Run]:
    """Return log-normal runs, of which people cancel a fifth, some time before they would end."""
    chance = random.Random(seed)
    return [
        run._replace(cancelled_s=run.true_s * chance.random() if chance.random() < 0.2 else None)
        for run in history(log_normal, runs=runs, seed=seed)
    ]


def new_kinds(*, runs: int, seed: int) -> list[Run]:
    """Return log-normal runs, of which every fifth begins a kind that nobody has seen: judged."""
    chance = random.Random(seed)
    made = []
    for number in range(runs):
        run = _run(chance.choice(list(KINDS)), log_normal, number, chance)
        if number % 5 == 0:
            run = _renamed(run, f"{run.subject.kind}-{number}")
        made.append(run._replace(seen=number % 5 == 0))
    return made


def tiny(*, runs: int, seed: int) -> Iterator[list[Run]]:
    """Return many histories of twenty runs of one kind, each from nothing; judged from the sixth."""
    chance = random.Random(seed)
    for _ in range(runs // 20):
        kind = chance.choice(list(KINDS))
        yield [
            _run(kind, log_normal, number, chance)._replace(seen=number >= 5)
            for number in range(20)
        ]


def _run(kind: str, spread: Spread, number: int, chance: random.Random) -> Run:
    typical_s, chars, words = KINDS[kind]
    chars = round(chars * chance.lognormvariate(0, 0.3))
    prompt = f"{kind} {chance.randrange(10**6)}"
    subject = Subject(
        agent="claude",
        kind=kind,
        digest=hashlib.sha256(prompt.encode()).hexdigest()[:16],
        tokens=3_000 + chars // 4,
    )
    return Run(subject, typical_s * spread(number, chance), words, chars)


def _renamed(run: Run, kind: str) -> Run:
    subject = Subject(
        agent=run.subject.agent, kind=kind, digest=run.subject.digest, tokens=run.subject.tokens
    )
    return run._replace(subject=subject)
