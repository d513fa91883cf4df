"""The promises of the port, kept with real processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from cc_executor.process import tree
from cc_executor.process.supervision import ProcessSupervision
from cc_executor.testing.contracts.process import (
    KillSupervisor,
    MakeSupervision,
    SupervisionContract,
)
from cc_executor.testing.processes import claim_of


class TestProcessSupervision(SupervisionContract):
    @pytest.fixture
    def make_supervision(self) -> MakeSupervision:
        return ProcessSupervision

    @pytest.fixture
    def kill_supervisor(self) -> KillSupervisor:
        def kill(folder: Path) -> None:
            supervisor = tree.look(claim_of(folder).supervisor)
            assert supervisor is not None
            os.kill(supervisor.parent, signal.SIGKILL)  # the spawner, which would sweep as well
            os.kill(supervisor.pid, signal.SIGKILL)

        return kill
