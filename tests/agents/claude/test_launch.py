from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from cc_executor.agents.base import Surroundings
from cc_executor.agents.claude import Claude
from cc_executor.agents.claude.schema import Schema
from cc_executor.errors import InvalidPrompt, InvalidSpec
from cc_executor.model.launch import Launch, Timers
from cc_executor.model.specs import TaskSpec

NEW_SESSION = "6f1c2f9e-0000-4000-8000-000000000001"
OLD_SESSION = "11111111-2222-4333-8444-aaaaaaaaaaaa"
SURROUNDINGS = Surroundings(
    attempt_id="t1.1",
    executable="/opt/claude",
    cwd="/workspace",
    env={"HOME": "/home/user", "PATH": "/bin"},
    scratch="/scratch",
    new_session_id=NEW_SESSION,
    timers=Timers(total_s=5.0, idle_s=1.0),
)


def launch(**fields: Any) -> Launch:
    return Claude().launch(TaskSpec(**{"prompt": "hello", **fields}), SURROUNDINGS)


def test_a_plain_task() -> None:
    made = launch()

    assert made.argv == (
        "/opt/claude",
        "-p",
        "--output-format=stream-json",
        "--verbose",
        f"--session-id={NEW_SESSION}",
        "--permission-mode=acceptEdits",
    )
    assert made.stdin == b"hello"
    assert not made.keep_stdin_open  # with it open, the CLI would wait for more
    assert made.judged
    assert made.cwd == "/workspace"
    assert made.timers == SURROUNDINGS.timers
    assert [rung.action for rung in made.ladder] == ["terminate", "kill"]


def test_the_prompt_is_never_an_argument_however_it_looks() -> None:
    for prompt in ("--dangerously-skip-permissions", "x" * 1_000_000, 'a"; $(id) `id`', "é\n"):
        made = launch(prompt=prompt)

        assert made.stdin == prompt.encode()
        assert prompt not in made.argv
        assert len(made.argv) == 6


def test_every_field_of_a_task_reaches_the_command_line_as_one_argument_each() -> None:
    argv = launch(
        model="opus",
        permission_mode="dontAsk",
        allowed_tools=("Read", "Bash(git log *)"),
        disallowed_tools=("WebFetch",),
        max_turns=3,
        append_system_prompt="-be nice",
        json_schema={"type": "object", "title": "é"},
        agent_args=("--add-dir=/data", "--effort", "low"),
    ).argv

    assert argv[5:] == (
        "--permission-mode=dontAsk",
        "--model=opus",
        "--allowedTools=Read",
        "--allowedTools=Bash(git log *)",
        "--disallowedTools=WebFetch",
        "--max-turns=3",
        '--json-schema={"type":"object","title":"\\u00e9"}',
        "--append-system-prompt=-be nice",
        "--add-dir=/data",
        "--effort",
        "low",
    )


def test_a_session_is_resumed_by_its_id_alone() -> None:
    spec = TaskSpec(prompt="x", session_id=OLD_SESSION.upper())

    argv = Claude().launch(spec, SURROUNDINGS).argv

    assert f"--resume={OLD_SESSION}" in argv
    assert not any("--session-id" in argument for argument in argv)
    assert Claude().session_of(spec, SURROUNDINGS) == OLD_SESSION


def test_a_fresh_task_holds_the_session_that_it_is_told_to_make() -> None:
    assert Claude().session_of(TaskSpec(prompt="x"), SURROUNDINGS) == NEW_SESSION


@pytest.mark.parametrize("session_id", ["my title", "--fork-session", "", "123"])
def test_what_is_no_session_id_is_refused(session_id: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        launch(session_id=session_id)

    assert refused.value.where == "session_id"


def test_a_resumed_session_gets_the_system_prompt_that_it_is_asked_to_have_now() -> None:
    assert (
        "--system-prompt-snapshot=off"
        in launch(append_system_prompt="new", session_id=OLD_SESSION).argv
    )
    assert "--system-prompt-snapshot=off" not in launch(session_id=OLD_SESSION).argv
    assert "--system-prompt-snapshot=off" not in launch(append_system_prompt="new").argv


@pytest.mark.parametrize(
    "schema",
    [True, {}, {"type": "array"}, {"anyOf": [{"type": "object"}]}, {"type": ["object", "null"]}],
)
def test_a_schema_that_no_tool_can_have_is_put_into_words(schema: Schema) -> None:
    argv = launch(json_schema=schema, append_system_prompt="be nice").argv

    assert not any(argument.startswith("--json-schema") for argument in argv)
    told = argv[-1]
    assert told.startswith("--append-system-prompt=be nice\n\n")
    assert told.endswith(json.dumps(schema, separators=(",", ":")))


@pytest.mark.parametrize(
    "argument",
    [
        "--resume=x",  # would go around the lease
        "-c",
        "--output-format=text",
        "--input-format",
        "--session-id",
        "--bg",
        "--json-schema={}",
        "--",
    ],
)
def test_arguments_that_are_ours_to_set_are_refused(argument: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        launch(agent_args=(argument,))

    assert refused.value.where == "agent_args"


@pytest.mark.parametrize(
    "fields",
    [
        {"append_system_prompt": "x" * 200_000},
        {"model": "a\0b"},
        {"json_schema": {"type": "object", "title": "x" * 200_000}},
    ],
)
def test_what_no_program_can_receive_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpec):
        launch(**fields)


def test_a_prompt_with_half_a_character_is_refused() -> None:
    with pytest.raises(InvalidPrompt, match="character 3"):
        launch(prompt="ab\ud83d")


def test_the_environment_is_what_is_inherited_and_what_we_set() -> None:
    assert launch().env == {
        "HOME": "/home/user",
        "PATH": "/bin",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_TMPDIR": "/scratch",
    }


def test_what_is_ours_wins_over_what_is_inherited_and_the_shell_does_not() -> None:
    around = msgspec.structs.replace(
        SURROUNDINGS,
        env={
            "HOME": "/h",
            "SHELL": "/bin/dash",
            "TERM": "xterm",
            "CLAUDE_CODE_TMPDIR": "/elsewhere",
        },
    )

    env = Claude().launch(TaskSpec(prompt="x"), around).env

    assert (env["SHELL"], env["TERM"], env["CLAUDE_CODE_TMPDIR"]) == (
        "/bin/dash",
        "dumb",
        "/scratch",
    )


@pytest.mark.parametrize("env", [{}, {"HOME": ""}])
def test_without_a_home_nothing_is_started(env: dict[str, str]) -> None:
    with pytest.raises(InvalidSpec, match="HOME"):
        Claude().launch(TaskSpec(prompt="x"), msgspec.structs.replace(SURROUNDINGS, env=env))
