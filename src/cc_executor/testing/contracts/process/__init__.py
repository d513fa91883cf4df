"""What `ports.process.Supervision` and `Supervised` promise."""

from __future__ import annotations

from cc_executor.testing.contracts.process.contract import SupervisionContract
from cc_executor.testing.contracts.process.fixtures import KillSupervisor, MakeSupervision

__all__ = ["KillSupervisor", "MakeSupervision", "SupervisionContract"]
