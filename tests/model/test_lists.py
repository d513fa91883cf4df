from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.errors import CCExecutorError, InvalidPrompt, InvalidSpec
from cc_executor.model.lists import task_list
from cc_executor.model.specs import MAX_PROMPT_BYTES, MAX_TASKS, TaskSpec

BASE = "/base"


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
        ([{"prompt": "x", "checks": [["true"], []]}], "tasks[0].checks[1]", "No shell"),
        ([{"prompt": "x", "checks": [["true", "a\0b"]]}], "tasks[0].checks[0][1]", ""),
        ([{"prompt": "x", "checks": "pytest"}], "tasks[0].checks", ""),
        ([{"prompt": "x", "checks": [["true"]] * 51}], "tasks[0].checks", ""),
        ([{"prompt": "x", "check_timeout_s": 0}], "tasks[0].check_timeout_s", ""),
        ([{"prompt": "x", "expects": {"file": []}}], "tasks[0].expects", ""),
        ([{"prompt": "x", "expects": {"files": ["/a"]}}], "tasks[0].expects.files[0]", "relative"),
        ([{"prompt": "x", "expects": {"files": ["a", "b/../c"]}}], "tasks[0].expects.files[1]", ""),
        ([{"prompt": "x", "expects": {"absent": ["./"]}}], "tasks[0].expects.absent[0]", ""),
        ([{"prompt": "x", "expects": {"unchanged": ["a\0"]}}], "tasks[0].expects.unchanged[0]", ""),
        ([{"prompt": "x", "expects": {"contains": {"a": ""}}}], "tasks[0].expects.contains.a", ""),
        (
            [{"prompt": "x", "expects": {"files": ["a"], "absent": ["a"]}}],
            "tasks[0].expects.absent",
            "",
        ),
        ([{"prompt": "x", "validation_prompt": " "}], "tasks[0].validation_prompt", ""),
        ([{"prompt": "x", "repairs": 6}], "tasks[0].repairs", ""),
        ([{"command": ["x"], "repairs": 1}], "tasks[0].repairs", "retries"),
        ([{}], "tasks[0]", ""),
        ([3], "tasks[0]", ""),
        ([{"prompt": "x", "command": ["y"]}], "tasks[0]", ""),
        ([{"command": []}], "tasks[0].command", ""),
        ([{"command": "ls -l"}], "tasks[0].command", ""),
        ([{"command": ["a", "b\0"]}], "tasks[0].command[1]", ""),
        ([{"prompt": "x", "timeout": 0}], "tasks[0].timeout", ""),
        ([{"prompt": "x", "timeout": "soon"}], "tasks[0].timeout", ""),
        ([{"prompt": "x", "retries": 101}], "tasks[0].retries", ""),
        ([{"prompt": "x", "retries": True}], "tasks[0].retries", ""),
        ([{"prompt": "x", "max_turns": 0}], "tasks[0].max_turns", ""),
        ([{"prompt": "x", "env": {"A=": "1"}}], "tasks[0].env", ""),
        ([{"prompt": "x", "name": "a b"}], "tasks[0].name", "'a-b'"),
        ([{"prompt": "x", "name": "a"}, {"prompt": "y", "name": "a"}], "tasks[1].name", ""),
        ([{"prompt": "x", "needs": ["task-l"]}], "tasks[0].needs", "task-1"),
        ([{"prompt": "x", "needs": ["task-1"]}], "tasks[0].needs", "`needs: []`"),
        ([{"prompt": "x", "needs": ["task-2"]}, "y"], "tasks[0].needs", ""),
        ([{"prompt": "x", "json_schema": {"type": 3}}], "tasks[0].json_schema.type", ""),
        ([{"prompt": "x", "json_schema": 3}], "tasks[0].json_schema", ""),
        ([{"prompt": "x", "permission_mode": "yolo"}], "tasks[0].permission_mode", ""),
        (["{{ tasks.later.result }}", {"prompt": "y", "name": "later"}], "tasks[0].prompt", ""),
        (["a", "{{ tasks.task-2.result }}"], "tasks[1].prompt", ""),
        (["a", "{{ tasks.task-1.answer }}"], "tasks[1].prompt", ""),
        (["a", "{{ tasks.tusk-1.result }}"], "tasks[1].prompt", "task-1"),
        (["a", "{{ tasks.task-1 }}"], "tasks[1].prompt", r"\{{"),
        (["a", "{{ tasks.task-1.result"], "tasks[1].prompt", r"\{{"),
        (["a", {"command": ["x", "{{ tasks.b.json }}"]}], "tasks[1].command[1]", "task-1"),
        (["a", {"prompt": "{{ tasks.task-1.state }}", "needs": []}], "tasks[1].prompt", "needs"),
        ({"tasks": ["x"], "defaults": {"env": 3}}, "defaults.env", ""),
        ({"tasks": ["x"], "defaults": {"env": {"A": 3}}}, "defaults.env.A", ""),
        ({"tasks": ["x"], "defaults": {"timeout": -1}}, "defaults.timeout", ""),
        ({"tasks": ["x"], "defaults": {"prompt": "y"}}, "defaults.prompt", ""),
        ({"tasks": ["x"], "defaults": []}, "defaults", ""),
        ({"tasks": ["x"], "agent": 3}, "agent", ""),
        ({"tasks": ["x"], "agent": ""}, "tasks[0].agent", "claude"),
        ({"tasks": ["x"], "workspace": ""}, "workspace", ""),
        ({"tasks": ["x"], "title": "\ud800"}, "title", ""),
        ({"title": "x"}, "", "tasks"),
        ({"tasks": {"a": "x"}}, "tasks", ""),
        ([{"prompt": "x", "model": "a\0"}], "tasks[0].model", ""),
        ([{"prompt": "x", "env": {"A": "\udc80"}}], "tasks[0].env.A", ""),
        ([{"prompt": "x", "env": {"A": 3}}], "tasks[0].env.A", ""),
        (
            [{"prompt": "x", "append_system_prompt": "y" * 131_072}],
            "tasks[0].append_system_prompt",
            "",
        ),
        ([{"command": [""]}], "tasks[0].command", "shell"),
        ([{"prompt": "x", "timeout": float("nan")}], "tasks[0].timeout", ""),
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


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("retries", "3", "expected a whole number, got text"),
        ("prompt", True, "expected text, got true or false"),
        ("needs", "a", "expected a list, got text"),
        ("timeout", "30", "must be a number of seconds, or `auto`"),
        ("env", [], "expected a mapping, got a list"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_in_a_users_words(
    field: str, value: object, problem: str
) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        task_list([{"prompt": "x", field: value}], workspace=BASE)

    assert refusal.value.where == f"tasks[0].{field}"
    assert refusal.value.problem == problem


def test_no_field_is_ever_ignored_silently() -> None:
    for field in ("costs", "prio"):
        with pytest.raises(InvalidSpec, match="has no field"):
            task_list([{"prompt": "x", field: 1}], workspace=BASE)
        with pytest.raises(InvalidSpec, match="has no field"):
            task_list({"tasks": ["x"], field: 1}, workspace=BASE)


def test_defaults_reach_ready_made_specs_too() -> None:
    made = task_list(
        {
            "agent": "other",
            "defaults": {"timeout": 5},
            "tasks": [TaskSpec(prompt="x"), TaskSpec(prompt="y", timeout=7.0)],
        },
        workspace=BASE,
    )

    assert [task.timeout for task in made.tasks] == [5.0, 7.0]
    assert {task.agent for task in made.tasks} == {"other"}


def test_a_workspace_is_joined_without_looking_at_the_disk() -> None:
    for workspace, joined in (("a/../b/", f"{BASE}/b"), ("/else", "/else"), ("..", "/")):
        assert (
            task_list({"tasks": ["x"], "workspace": workspace}, workspace=BASE).workspace == joined
        )


def test_a_list_may_hold_10_000_tasks_and_no_more() -> None:
    assert len(task_list(["x"] * MAX_TASKS, workspace=BASE).tasks) == MAX_TASKS
    with pytest.raises(InvalidSpec, match="10,001"):
        task_list(["x"] * (MAX_TASKS + 1), workspace=BASE)


def test_needs_may_name_a_later_task() -> None:
    made = task_list(
        [{"prompt": "x", "needs": ["b"]}, {"prompt": "y", "name": "b", "needs": []}], workspace=BASE
    )

    assert made.tasks[0].needs == ("b",)


@pytest.mark.parametrize("prompt", ["", " \n\t", "a\0b", "\ud800", "x" * (MAX_PROMPT_BYTES + 1)])
def test_a_prompt_that_no_agent_can_receive_is_refused(prompt: str) -> None:
    with pytest.raises(InvalidPrompt) as refusal:
        task_list(["fine", prompt], workspace=BASE)

    assert refusal.value.where == "tasks[1].prompt"
    assert str(refusal.value) == f"tasks[1].prompt: {refusal.value.problem}"
    assert "tasks" not in refusal.value.problem


def test_a_prompt_of_1_mb_is_fine() -> None:
    assert task_list(["x" * 1_000_000], workspace=BASE).tasks[0].prompt == "x" * 1_000_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["tasks", "prompt", "name", "needs", "command", "env", "defaults", "json_schema"]
            )
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


def test_a_kind_holds_for_all_tasks_that_name_none() -> None:
    value = {"defaults": {"kind": "review"}, "tasks": ["a", {"prompt": "b", "kind": "write"}]}
    assert [task.kind for task in task_list(value, workspace="/").tasks] == ["review", "write"]


@pytest.mark.parametrize("kind", ["two words", "-", "x" * 65, "a/b", 3])
def test_a_kind_is_a_word(kind: object) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        task_list([{"prompt": "a", "kind": kind}], workspace="/")
    assert refusal.value.where == "tasks[0].kind"
