from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, get_args

import click
import pytest

from cc_executor.cli.options import ISOLATIONS, PERMISSION_MODES
from cc_executor.cli.request import Asked, read_prompt, submission, task_list
from cc_executor.errors import InvalidPrompt, InvalidSpec, InvalidTaskFile
from cc_executor.model import specs
from cc_executor.model.budgets import Budget
from cc_executor.model.lists import task_list as checked

NOTHING = Asked(
    words=(),
    file=None,
    is_command=False,
    workspace=None,
    agent=None,
    model=None,
    kind=None,
    timeout=None,
    permission_mode=None,
    allowed_tools=(),
    disallowed_tools=(),
    max_turns=None,
    retries=None,
    schema=None,
    expected=(),
    checks=(),
    validation_prompt=None,
    repairs=None,
    isolation=None,
    budget=(),
    continue_on_failure=False,
    parallel=False,
    execution_id=None,
)


def asked(*words: str, **options: Any) -> Asked:
    return NOTHING._replace(words=words, **options)


def test_a_prompt_is_a_list_of_one_task() -> None:
    assert task_list(asked("Say hello.")) == {"tasks": [{"prompt": "Say hello."}], "defaults": {}}


def test_isolations_are_the_words_of_the_model() -> None:
    assert get_args(specs.Isolation) == ISOLATIONS


def test_a_budget_is_that_of_the_list_and_wins_over_that_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    file.write_text('{"budget": {"usd": 1, "turns": 5}, "tasks": ["x"]}')
    value = task_list(asked(file=file, budget=("usd=2.5", "tokens=1000", "unknown_cost=block")))

    assert checked(value, workspace="/w").budget == Budget(
        usd=2.5, tokens=1000, turns=5, unknown_cost="block"
    )


def test_a_budget_that_is_no_pair_is_a_mistake_in_the_command() -> None:
    with pytest.raises(click.UsageError, match="KIND=AMOUNT"):
        task_list(asked("x", budget=("2",)))
    with pytest.raises(InvalidSpec, match="euro"):
        checked(task_list(asked("x", budget=("euro=2",))), workspace="/w")


def test_what_is_to_be_checked_becomes_fields_of_the_task() -> None:
    value = task_list(asked("x", expected=("a", "b"), checks=(("true",),), repairs=1))

    [task] = checked(value, workspace="/w").tasks
    assert task.expects is not None
    assert task.expects.files == ("a", "b")
    assert (task.checks, task.repairs) == ((("true",),), 1)


def test_words_after_command_are_an_argv() -> None:
    value = task_list(asked("wc", "-l", "a b", is_command=True))

    assert value["tasks"] == [{"command": ["wc", "-l", "a b"]}]


def test_several_words_are_no_prompt() -> None:
    with pytest.raises(click.UsageError, match="put it in quotes"):
        task_list(asked("fix", "the", "bug"))


def test_a_command_without_words_is_refused() -> None:
    with pytest.raises(click.UsageError, match="needs a program"):
        task_list(asked(is_command=True))


def test_a_prompt_and_a_file_are_not_taken_together() -> None:
    with pytest.raises(click.UsageError, match="only one"):
        task_list(asked("hello", file=Path("tasks.yaml")))


def test_options_become_defaults_of_the_tasks(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object"}')

    value = task_list(
        asked(
            "x",
            agent="claude",
            model="opus",
            timeout=90.0,
            permission_mode="plan",
            allowed_tools=("Read", "Bash(git *)"),
            disallowed_tools=("Write",),
            max_turns=3,
            retries=0,
            schema=schema,
        )
    )

    assert value["defaults"] == {
        "agent": "claude",
        "model": "opus",
        "timeout": 90.0,
        "permission_mode": "plan",
        "allowed_tools": ("Read", "Bash(git *)"),
        "disallowed_tools": ("Write",),
        "max_turns": 3,
        "retries": 0,
        "json_schema": {"type": "object"},
    }
    assert checked(value, workspace="/w").tasks[0].model == "opus"


def test_an_option_wins_over_the_file_and_loses_to_a_task(tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    content = {
        "agent": "command",
        "workspace": "sub",
        "defaults": {"model": "haiku", "max_turns": 9},
        "tasks": [{"prompt": "one"}, {"prompt": "two", "model": "sonnet"}],
    }
    file.write_text(json.dumps(content))

    value = task_list(asked(file=file, agent="claude", model="opus", workspace=str(tmp_path)))
    one, two = checked(value, workspace=str(tmp_path)).tasks

    assert (one.agent, one.model, one.max_turns) == ("claude", "opus", 9)
    assert (two.agent, two.model) == ("claude", "sonnet")
    assert "workspace" not in value


def test_a_submission_carries_the_rest() -> None:
    plain = submission(asked("x"))
    special = submission(
        asked("x", workspace="/w", execution_id="mine", parallel=True, continue_on_failure=True)
    )

    assert plain[1:] == (None, None, True, None)
    assert special[1:] == ("/w", "mine", False, False)


@pytest.mark.parametrize(
    ("content", "place"),
    [(b'{"type":\n oops}', ":2:2"), (b"\xff{}", "is not UTF-8"), (None, "No such file")],
    ids=["not JSON", "not UTF-8", "missing"],
)
def test_a_schema_that_cannot_be_read_is_refused(
    tmp_path: Path, content: bytes | None, place: str
) -> None:
    file = tmp_path / "schema.json"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(InvalidTaskFile, match=place):
        task_list(asked("x", schema=file))


def test_a_prompt_is_read_from_a_stream() -> None:
    assert read_prompt(io.BytesIO("Grüße\n".encode())) == "Grüße\n"


def test_a_prompt_that_is_too_long_is_refused_without_reading_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(specs, "MAX_PROMPT_BYTES", 10)
    stream = io.BytesIO(b"x" * 1000)

    with pytest.raises(InvalidPrompt, match="longer than 10 bytes"):
        read_prompt(stream)
    assert stream.tell() == 11


def test_a_prompt_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InvalidPrompt, match="byte 2"):
        read_prompt(io.BytesIO(b"ab\xff"))


def test_help_names_the_permission_modes_of_the_model() -> None:
    assert get_args(specs.PermissionMode) == PERMISSION_MODES
