from __future__ import annotations

import pytest

from cc_executor.agents.registry import DIALECTS, dialect
from cc_executor.errors import UnknownAgent
from cc_executor.model.specs import TaskSpec


def test_a_dialect_is_found_by_the_name_a_task_gives_it() -> None:
    assert {name: dialect(name).name for name in DIALECTS} == {
        "claude": "claude",
        "command": "command",
    }
    assert dialect(TaskSpec(prompt="x").dialect).name == "claude"
    assert dialect(TaskSpec(command=("true",)).dialect).name == "command"


def test_an_unknown_agent_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownAgent) as refused:
        dialect("cloud")

    assert refused.value.known == ("claude", "command")


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        DIALECTS["claude"] = dialect("command")  # type: ignore[index]  # that it cannot is the test
