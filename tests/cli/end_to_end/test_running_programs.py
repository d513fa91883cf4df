from __future__ import annotations

import base64
import json
import shlex
import subprocess
import sys
from typing import Any

import pytest

from cc_executor.testing import fake_cli
from cc_executor.testing.scripted_agent import Script
from tests.cli.end_to_end.program import BOUND_S, Program, ended, read_until

EVERY_BYTE = (
    "import sys; sys.stdout.buffer.write(bytes(range(256))); sys.stderr.buffer.write(b'\\xff!')"
)


def test_a_program_runs_as_if_it_had_been_started_directly(program: Program) -> None:
    ran = program.run("run", "-q", "--command", "--", sys.executable, "-c", EVERY_BYTE)

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, bytes(range(256)), b"\xff!")


def test_run_says_which_execution_it_is_and_can_be_looked_up(program: Program) -> None:
    ran = program.run("run", "--command", "--", "true")
    execution_id = ran.stderr.decode().split()[1]

    shown = program.json("show", execution_id)

    assert (ran.returncode, ran.stdout) == (0, b"")
    assert (shown["execution_id"], shown["state"]) == (execution_id, "succeeded")
    assert shown["tasks"][0]["exit_code"] == 0
    assert shown["tasks"][0]["verified"] == "unverified"


CODES: list[tuple[str, list[str], int]] = [
    ("success", ["run", "--command", "--", "true"], 0),
    ("failure", ["run", "--command", "--", "false"], 1),
    ("unknown option", ["run", "--nonsense"], 2),
    ("empty prompt", ["run", ""], 2),
    ("unknown agent", ["run", "--agent", "cloud", "x"], 2),
    ("missing workspace", ["run", "-w", "nowhere", "--command", "--", "true"], 2),
    ("bad timeout", ["run", "--timeout", "soon", "--command", "--", "true"], 2),
    ("bad id", ["run", "--id", "a/b", "--command", "--", "true"], 2),
    ("missing file", ["run", "-f", "tasks.yaml"], 2),
    ("missing program", ["run", "--command", "--", "no-such-program"], 3),
    ("no such execution", ["show", "99"], 3),
    ("timeout", ["run", "--timeout", "0.2", "--command", "--", "sleep", "60"], 4),
]


@pytest.mark.parametrize(
    ("arguments", "code"), [row[1:] for row in CODES], ids=[row[0] for row in CODES]
)
def test_the_exit_code_says_what_came_of_it(
    program: Program, arguments: list[str], code: int
) -> None:
    ran = program.run(*arguments)

    assert ran.returncode == code, ran.stderr.decode()
    assert ran.stdout == b""
    assert ran.stderr != b""


@pytest.mark.parametrize(
    "prompt",
    [b"", b" \n", b"a\0b", b"\xff", b"x" * (16 * 1024 * 1024 + 1)],
    ids=["empty", "blank", "NUL", "not UTF-8", "too long"],
)  # fmt: skip - one line is one word of the table
def test_a_prompt_that_no_agent_can_receive_starts_nothing(program: Program, prompt: bytes) -> None:
    refused = program.run("run", "--json", "-", stdin=prompt)

    assert refused.returncode == 2
    assert json.loads(refused.stdout)["error"]["code"] == "prompt.invalid"
    assert program.json("ps", "--all") == []


def test_a_list_stops_at_a_failure_and_continue_runs_the_rest(program: Program) -> None:
    (program.workspace / "tasks.json").write_text(
        json.dumps(
            {
                "tasks": [
                    {"name": "first", "command": ["sh", "-c", "echo x >> ran"]},
                    {"name": "second", "command": ["test", "-e", "repaired"]},
                    {"name": "third", "command": ["true"]},
                ]
            }
        )
    )

    failed = program.run("run", "-f", "tasks.json", "--json")
    first = json.loads(failed.stdout)
    (program.workspace / "repaired").touch()
    went_on = program.run("continue", first["execution_id"], "--json")
    second = json.loads(went_on.stdout)

    assert failed.returncode == 1
    assert [task["state"] for task in first["tasks"]] == ["succeeded", "failed", "skipped"]
    assert went_on.returncode == 0
    assert [task["state"] for task in second["tasks"]] == ["succeeded"] * 3
    assert second["tasks"][0]["carried_from"] == first["tasks"][0]["task_id"]
    assert (program.workspace / "ran").read_text() == "x\n"
    assert program.run("continue", second["execution_id"]).returncode == 3


def test_events_hold_every_byte_in_order_and_every_move(program: Program) -> None:
    ran = program.run("run", "--events", "--command", "--", sys.executable, "-c", EVERY_BYTE)
    events = [json.loads(line) for line in ran.stdout.splitlines()]

    moves = [event for event in events if event["type"] == "lifecycle"]
    out = [event for event in events if event["type"] == "output"]
    assert [move["seq"] for move in moves] == list(range(1, len(moves) + 1))
    assert moves[0]["kind"] == "execution.submitted"
    assert moves[-1]["kind"] == "execution.succeeded"
    assert _bytes_of(out, "stdout") == bytes(range(256))
    assert _bytes_of(out, "stderr") == b"\xff!"


def test_lines_for_people_tell_the_story(program: Program) -> None:
    (program.workspace / "tasks.md").write_text("# Work\n\n- Say hello.\n- Say goodbye.\n")
    program.environ["CC_EXECUTOR_CLAUDE_BIN"] = str(
        fake_cli.install(
            program.workspace.parent / "claude",
            Script().claude_init().claude_text("Hello!").claude_result("Hello!"),
        )
    )
    program.environ["ANTHROPIC_API_KEY"] = "dummy"

    ran = program.run("run", "-f", "tasks.md")
    said = ran.stderr.decode()

    assert (ran.returncode, ran.stdout) == (0, b""), said
    assert said.count("started (claude)") == 2
    assert said.count("  Hello!") == 2
    assert "look again: cc-executor show" in said


def test_the_answer_of_an_agent_is_on_stdout(program: Program) -> None:
    claude = fake_cli.install(
        program.workspace.parent / "claude",
        Script().claude_init().claude_result("Line one.\nLine two."),
    )

    program.environ["ANTHROPIC_API_KEY"] = "dummy"

    ran = program.run("run", "-q", "Say it.", "--claude-bin", str(claude))

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"Line one.\nLine two.\n", b"")


def test_a_limit_has_an_exit_code_of_its_own(program: Program) -> None:
    script = (
        Script()
        .claude_init()
        .claude_result(None, subtype="error_max_turns", is_error=True, terminal_reason="max_turns")
    )
    claude = fake_cli.install(program.workspace.parent / "claude", script.exit(1))
    program.environ["ANTHROPIC_API_KEY"] = "dummy"

    ran = program.run("run", "--max-turns", "1", "--claude-bin", str(claude), "--json", "x")

    assert ran.returncode == 6
    assert json.loads(ran.stdout)["tasks"][0]["failure"] == "max_turns"


def test_who_closes_the_pipe_ends_the_run(program: Program) -> None:
    running = program.start("run", "--events", *program.waiter())
    read_until(running, b'"output"')
    assert running.stdout is not None
    running.stdout.close()
    running.stdout = None
    program.release()  # the next event finds nobody

    code, _, err = ended(running)

    assert code == 141, err.decode()
    assert err.decode().splitlines()[1:] == []


def _bytes_of(output: list[dict[str, Any]], stream: str) -> bytes:
    return b"".join(base64.b64decode(one["data"]) for one in output if one["stream"] == stream)


def test_a_shell_that_asks_is_given_completions(program: Program) -> None:
    program.environ |= {
        "_CC_EXECUTOR_COMPLETE": "bash_complete",
        "COMP_WORDS": "cc-executor pa",
        "COMP_CWORD": "1",
    }

    assert program.run().stdout == b"plain,pause\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_standard_stream_that_is_closed_harms_nothing(program: Program, closed: str) -> None:
    line = shlex.join(program.argv("run", "--command", "--", "touch", "here"))
    script = program.workspace / "closed.sh"
    script.write_text(f"exec {line} {closed}\n")

    ran = subprocess.run(
        ["/bin/sh", str(script)],
        env=program.environ,
        cwd=program.workspace,
        capture_output=True,
        timeout=BOUND_S,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr.decode()
    assert (program.workspace / "here").exists()
    assert program.only_execution()["state"] == "succeeded"


def test_without_stdin_there_is_no_prompt(program: Program) -> None:
    refused = program.run("run", "--json")

    assert refused.returncode == 2
    assert json.loads(refused.stdout)["error"]["code"] == "prompt.invalid"
