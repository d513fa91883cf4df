"""The suite: all promises of `ports.process`."""

from __future__ import annotations

from cc_executor.testing.contracts.process.adopting import AdoptingPromises
from cc_executor.testing.contracts.process.control import ControlPromises
from cc_executor.testing.contracts.process.ending import EndingPromises
from cc_executor.testing.contracts.process.judging import JudgingPromises
from cc_executor.testing.contracts.process.starting import StartingPromises


class SupervisionContract(
    StartingPromises,
    ControlPromises,
    JudgingPromises,
    EndingPromises,
    AdoptingPromises,
):
    """Subclass it and give it fixtures `make_supervision` and `kill_supervisor`."""
