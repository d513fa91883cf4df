from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.end_to_end.program import Program


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    program.close()
