from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cc_executor.process.supervision import ProcessSupervision
from cc_executor.testing.processes import wait_until_gone
from tests.measuring import measured_spawners


@pytest.fixture(scope="module", autouse=True)
def _spawners_are_measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with measured_spawners(tmp_path_factory.mktemp("boot")):
        yield


@pytest.fixture
async def supervision() -> AsyncIterator[ProcessSupervision]:
    made = ProcessSupervision()
    yield made
    await made.aclose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "attempt"


@pytest.fixture(autouse=True)
def _nothing_survives(tmp_path: Path) -> object:
    """Whatever a test does: in the end nothing of its attempts is alive."""
    yield
    for lock in tmp_path.rglob("lock"):
        wait_until_gone(lock.parent)
