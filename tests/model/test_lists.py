from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.errors import CCExecutorError, InvalidPrompt, InvalidSpec
from cc_executor.model.lists import task_list
from cc_executor.model.specs import MAX_PROMPT_BYTES

BASE = "/work"


def test_prompts_become_tasks_that_wait_for_the_one_before() -> None:
    made = task_list(["one", {"prompt": "two", "name": "b"}, "three"], workspace=BASE)

    assert [task.name for task in made.tasks] == ["task-1", "b", "task-3"]
    assert [task.needs for task in made.tasks] == [(), ("task-1",), ("b",)]
    assert made.workspace == BASE


def test_without_sequence_nobody_waits_unless_told_to() -> None:
    made = task_list(["a", {"prompt": "b", "needs": ["task-1"]}], workspace=BASE, sequential=False)

    assert [task.needs for task in made.tasks] == [(), ("task-1",)]


def test_a_task_overrides_defaults_and_adds_to_their_environment() -> None:
    made = task_list(
        {
            "defaults": {"timeout": 5, "env": {"A": "1", "B": "1"}},
            "workspace": "sub",
            "tasks": ["x", {"prompt": "y", "timeout": 9, "env": {"B": "2"}}],
        },
        workspace=BASE,
    )

    assert [task.timeout for task in made.tasks] == [5.0, 9.0]
    assert made.tasks[1].env == {"A": "1", "B": "2"}
    assert made.workspace == f"{BASE}/sub"


@pytest.mark.parametrize(
    ("value", "where", "hint"),
    [
        ([], "tasks", ""),
        ("a prompt", "", ""),
        ({"taks": ["x"]}, "taks", "tasks"),
        ([{"promt": "x"}], "tasks[0].promt", "prompt"),
        ([{"prompt": "x", "checks": [["true"]]}], "tasks[0].checks", ""),
        ([{}], "tasks[0]", ""),
        ([3], "tasks[0]", ""),
        ([{"prompt": "x", "command": ["y"]}], "tasks[0]", ""),
        ([{"command": []}], "tasks[0].command", ""),
        ([{"command": "ls -l"}], "tasks[0].command", ""),
        ([{"command": ["a\0b"]}], "tasks[0].command", ""),
        ([{"prompt": "x", "timeout": 0}], "tasks[0].timeout", ""),
        ([{"prompt": "x", "timeout": "soon"}], "tasks[0].timeout", ""),
        ([{"prompt": "x", "retries": 101}], "tasks[0].retries", ""),
        ([{"prompt": "x", "retries": True}], "tasks[0].retries", ""),
        ([{"prompt": "x", "max_turns": 0}], "tasks[0].max_turns", ""),
        ([{"prompt": "x", "env": {"A=": "1"}}], "tasks[0].env", ""),
        ([{"prompt": "x", "name": "a b"}], "tasks[0].name", ""),
        ([{"prompt": "x", "name": "a"}, {"prompt": "y", "name": "a"}], "tasks[1].name", ""),
        ([{"prompt": "x", "needs": ["task-l"]}], "tasks[0].needs", "task-1"),
        ([{"prompt": "x", "needs": ["task-1"]}], "tasks", ""),
        ([{"prompt": "x", "json_schema": {"type": 3}}], "tasks[0].json_schema", ""),
        ([{"prompt": "x", "permission_mode": "yolo"}], "tasks[0].permission_mode", ""),
        (["{{ tasks.later.result }}", {"prompt": "y", "name": "later"}], "tasks[0].prompt", ""),
        (["a", "{{ tasks.task-2.result }}"], "tasks[1].prompt", ""),
        (["a", "{{ tasks.task-1.answer }}"], "tasks[1].prompt", ""),
        (["a", "{{ tasks.tusk-1.result }}"], "tasks[1].prompt", "task-1"),
    ],
)
def test_a_bad_list_is_refused_with_the_place_of_what_is_wrong(
    value: Any, where: str, hint: str
) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        task_list(value, workspace=BASE)

    assert refusal.value.where == where
    assert hint in refusal.value.hint
    assert refusal.value.problem


@pytest.mark.parametrize("prompt", ["", " \n\t", "a\0b", "\ud800", "x" * (MAX_PROMPT_BYTES + 1)])
def test_a_prompt_that_no_agent_can_receive_is_refused(prompt: str) -> None:
    with pytest.raises(InvalidPrompt):
        task_list([prompt], workspace=BASE)


def test_a_prompt_of_1_mb_is_fine() -> None:
    assert task_list(["x" * 1_000_000], workspace=BASE).tasks[0].prompt == "x" * 1_000_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["tasks", "prompt", "name", "needs", "command", "env"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_is_given_is_a_list_or_a_refusal_with_a_hint(value: Any) -> None:
    made = None
    hint = ""
    try:
        made = task_list(value, workspace=BASE)
    except CCExecutorError as refusal:
        hint = refusal.hint
    assert hint or (made is not None and made.tasks)
