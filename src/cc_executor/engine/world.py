"""Everything an engine asks of the world, in one value; `wiring` fills it."""

from __future__ import annotations

from dataclasses import dataclass

from cc_executor.engine.foresight import Foresight
from cc_executor.engine.gates import Gate
from cc_executor.engine.windows import UsageWindows
from cc_executor.model.policy import Policy
from cc_executor.ports.clock import Clock
from cc_executor.ports.engines import Engines
from cc_executor.ports.executables import Executables
from cc_executor.ports.grounds import Grounds
from cc_executor.ports.journal import Journals, Owners
from cc_executor.ports.nudges import Nudges
from cc_executor.ports.process import Supervision
from cc_executor.ports.resources import Resources
from cc_executor.ports.store import Store
from cc_executor.ports.workspace import Workspaces


@dataclass(frozen=True, kw_only=True)
class World:
    """The ports of one engine, what it expects, and the limits it works under.

    Attributes:
        foresight: What it knows of how long things took.
        gates: What must let an attempt pass before it may start, in order.
        windows: Whom agents' reports of their usage windows are told; None: nobody.
    """

    clock: Clock
    store: Store
    supervision: Supervision
    journals: Journals
    owners: Owners
    workspaces: Workspaces
    grounds: Grounds
    executables: Executables
    nudges: Nudges
    engines: Engines
    foresight: Foresight
    policy: Policy
    resources: Resources
    gates: tuple[Gate, ...] = ()
    windows: UsageWindows | None = None
