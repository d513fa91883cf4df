from __future__ import annotations

import pytest

from cc_executor.errors import InvalidSpec
from cc_executor.model.launch import Bounds
from cc_executor.model.limits import Limits, bounds, output_limit_bytes
from cc_executor.model.lists import task_list
from cc_executor.model.specs import TaskList

MIB = 1 << 20


def listed(**whole: object) -> TaskList:
    return task_list({"tasks": [{"command": ["true"]}], **whole}, workspace="/w")


def test_a_task_can_ask_for_less_than_the_settings_allow_and_not_for_more() -> None:
    most = Bounds(memory_bytes=100 * MIB, processes=50)

    less = bounds(Limits(memory_mb=10, processes=20, files=5), most)
    more = bounds(Limits(memory_mb=1000, processes=70), most)

    assert less == Bounds(memory_bytes=10 * MIB, processes=20, files=5)
    assert more == most


def test_a_task_that_asks_for_nothing_has_what_the_settings_allow() -> None:
    assert bounds(Limits(), Bounds(files=7)) == Bounds(files=7)
    assert output_limit_bytes(Limits(), None) is None
    assert output_limit_bytes(Limits(output_mb=2), 3 * MIB) == 2 * MIB


def test_limits_of_the_defaults_hold_unless_a_task_says_otherwise_limit_by_limit() -> None:
    made = listed(
        defaults={"limits": {"memory_mb": 512, "files": 100}},
        tasks=[{"command": ["true"], "limits": {"files": 7}}, {"command": ["true"]}],
    )

    assert made.tasks[0].limits == Limits(memory_mb=512, files=7)
    assert made.tasks[1].limits == Limits(memory_mb=512, files=100)


@pytest.mark.parametrize(
    ("limits", "where", "problem"),
    [
        ({"memory_mb": 1}, "tasks[0].limits.memory_mb", "from 8 to"),
        ({"files": 0}, "tasks[0].limits.files", "from 1 to"),
        ({"disk_mb": 10**12}, "tasks[0].limits.disk_mb", "from 1 to"),
        ({"memory": 5}, "tasks[0].limits", "memory"),
        ({"files": "many"}, "tasks[0].limits.files", "a whole number"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused_with_its_place(
    limits: dict[str, object], where: str, problem: str
) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        listed(tasks=[{"command": ["true"], "limits": limits}])

    assert refusal.value.where.startswith(where)
    assert problem in str(refusal.value)


def test_a_list_has_a_priority_within_bounds() -> None:
    assert listed(priority=-100).priority == -100
    with pytest.raises(InvalidSpec, match="from -100 to 100"):
        listed(priority=101)
    with pytest.raises(InvalidSpec):
        listed(priority="high")
