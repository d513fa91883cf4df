"""The real Claude Code CLI against the scripted model: what the rest of the project builds on."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cc_executor.testing.model_api import (
    Drop,
    ModelApi,
    Overload,
    Scenario,
    Stall,
    Turn,
    prompt_too_long,
    refuse,
    say,
    structured,
    use,
)
from tests.testing.real_claude import BOUND_S, Claude, finished, is_on_disk

pytestmark = pytest.mark.real_cli

PROMPT = "do the thing"
WRITE = use("Write", file_path="made.txt", content="héllo\n")
SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
FEW_RETRIES = {"CLAUDE_CODE_MAX_RETRIES": "2"}


@contextmanager
def claude(folder: Path, *turns: Turn, **variables: str) -> Iterator[Claude]:
    with ModelApi([Scenario(PROMPT, turns)]) as api:
        yield Claude(api, folder, variables)


def test_a_tool_call_really_writes_the_file(tmp_path: Path) -> None:
    turns = (say("Writing.") & WRITE, say("Done."))
    with claude(tmp_path, *turns) as cli:
        run = cli.run(PROMPT, "--permission-mode", "acceptEdits")

    assert run.exit_code == 0
    assert (run.result["subtype"], run.result["is_error"]) == ("success", False)
    assert run.result["result"] == "Done."
    assert run.result["total_cost_usd"] > 0
    assert (cli.workspace / "made.txt").read_text() == "héllo\n"
    assert cli.api.calls == ("POST /v1/messages 200",) * 2


def test_the_cli_uses_the_dummy_key_and_its_own_home(tmp_path: Path) -> None:
    with claude(tmp_path, say("Done.")) as cli:
        run = cli.run(PROMPT)

    (request,) = cli.api.requests
    (init,) = run.of_type("system", "init")
    assert request.headers["x-api-key"] == "dummy-key"
    assert "authorization" not in request.headers
    assert request.session_id == init["session_id"]
    assert {"Bash", "Write", "Read", "Edit"} <= set(request.tools)
    assert (tmp_path / "home" / ".claude" / "projects").is_dir()


def test_tools_called_in_parallel_come_back_in_one_turn(tmp_path: Path) -> None:
    bash = use("Bash", command="python3 -c 'print(6 * 7)'", description="count")
    with claude(tmp_path, WRITE & bash, say("Done.")) as cli:
        run = cli.run(
            PROMPT, "--permission-mode", "acceptEdits", "--allowedTools", "Bash(python3 *)"
        )

    assert run.exit_code == 0
    results = cli.api.requests[-1].tool_results
    assert [result.is_error for result in results] == [False, False]
    assert results[1].text == "42"


def test_a_tool_that_fails_tells_the_model_and_fails_nothing(tmp_path: Path) -> None:
    bash = use("Bash", command="echo broken >&2; exit 3", description="fail")
    with claude(tmp_path, bash, say("It failed.")) as cli:
        run = cli.run(PROMPT, "--allowedTools", "Bash")

    assert (run.exit_code, run.result["result"]) == (0, "It failed.")
    (result,) = cli.api.requests[-1].tool_results
    assert result.is_error
    assert "Exit code 3" in result.text
    assert "broken" in result.text


def test_a_denied_tool_is_only_seen_in_the_denials(tmp_path: Path) -> None:
    with claude(tmp_path, WRITE, say("Written, I think.")) as cli:
        run = cli.run(PROMPT)

    assert run.exit_code == 0
    assert (run.result["subtype"], run.result["is_error"]) == ("success", False)
    assert [denial["tool_name"] for denial in run.result["permission_denials"]] == ["Write"]
    assert len(run.of_type("system", "permission_denied")) == 1
    assert not (cli.workspace / "made.txt").exists()


def test_a_rate_limit_is_waited_out(tmp_path: Path) -> None:
    with claude(tmp_path, say("At last.").after(refuse(429, times=2, retry_after_s=0))) as cli:
        run = cli.run(PROMPT)

    assert (run.exit_code, run.result["result"]) == (0, "At last.")
    retries = run.of_type("system", "api_retry")
    assert [(retry["attempt"], retry["error"]) for retry in retries] == [
        (1, "rate_limit"),
        (2, "rate_limit"),
    ]


@pytest.mark.parametrize("retries", [0, 2])
def test_an_overload_for_ever_is_an_error_that_calls_itself_success(
    tmp_path: Path, retries: int
) -> None:
    with claude(tmp_path, refuse(529), CLAUDE_CODE_MAX_RETRIES=str(retries)) as cli:
        run = cli.run(PROMPT)

    assert run.exit_code == 1
    assert (run.result["subtype"], run.result["is_error"]) == ("success", True)
    assert run.result["terminal_reason"] == "api_error"
    assert run.result["api_error_status"] == 529
    assert len(run.of_type("system", "api_retry")) == retries
    assert len(cli.api.calls) == retries + 1


@pytest.mark.parametrize("fault", [Overload(times=1), Drop(times=1)], ids=["overload", "drop"])
def test_a_broken_stream_is_asked_for_again(tmp_path: Path, fault: Overload | Drop) -> None:
    with claude(tmp_path, say("Whole.").after(fault), **FEW_RETRIES) as cli:
        run = cli.run(PROMPT)

    assert (run.exit_code, run.result["result"]) == (0, "Whole.")
    assert len(cli.api.requests) == 2


def test_a_stall_with_pings_ends_well_when_the_answer_comes(tmp_path: Path) -> None:
    with claude(tmp_path, say("Slowly.").after(Stall(for_s=0.5, ping_every_s=0.1))) as cli:
        run = cli.run(PROMPT)

    assert (run.exit_code, run.result["result"]) == (0, "Slowly.")


def test_a_cli_that_waits_for_a_stalled_stream_can_be_terminated(tmp_path: Path) -> None:
    with claude(tmp_path, Stall()) as cli:
        process = cli.start()
        assert process.stdin is not None
        process.stdin.write(PROMPT.encode())
        process.stdin.close()
        process.stdin = None
        cli.api.wait_for_requests(1)

        process.terminate()
        run = finished(process)

    assert run.exit_code == 143
    assert run.of_type("result") == []
    assert len(run.of_type("system", "init")) == 1


def test_a_prompt_that_is_too_long_is_not_tried_twice(tmp_path: Path) -> None:
    with claude(tmp_path, prompt_too_long()) as cli:
        run = cli.run(PROMPT)

    assert run.exit_code == 1
    assert (run.result["subtype"], run.result["is_error"]) == ("success", True)
    assert run.result["terminal_reason"] == "prompt_too_long"
    assert cli.api.calls == ("POST /v1/messages 400",)


def test_turns_beyond_the_limit_are_an_error(tmp_path: Path) -> None:
    with claude(tmp_path, WRITE) as cli:
        run = cli.run(PROMPT, "--permission-mode", "acceptEdits", "--max-turns", "2")

    assert run.exit_code == 1
    assert run.result["subtype"] == "error_max_turns"
    assert "result" not in run.result
    assert len(cli.api.requests) == 2


def test_a_schema_is_answered_by_the_structured_output_tool(tmp_path: Path) -> None:
    with claude(tmp_path, structured({"n": 3}), say("Done.")) as cli:
        run = cli.run(PROMPT, "--json-schema", SCHEMA)

    assert (run.exit_code, run.result["structured_output"]) == (0, {"n": 3})
    assert "StructuredOutput" in cli.api.requests[0].tools


def test_a_schema_that_the_model_ignores_is_no_error_and_no_output(tmp_path: Path) -> None:
    with claude(tmp_path, say("I would rather talk.")) as cli:
        run = cli.run(PROMPT, "--json-schema", SCHEMA)

    assert (run.exit_code, run.result["subtype"]) == (0, "success")
    assert "structured_output" not in run.result


def test_a_session_killed_in_the_middle_of_a_tool_can_be_resumed(tmp_path: Path) -> None:
    # The shell writes its pid and becomes `tail`: SIGKILL to the CLI leaves it alive.
    bash = use("Bash", command="echo $$ > pid; exec tail -f /dev/null", description="hang")
    scenarios = [Scenario(PROMPT, [bash]), Scenario("carry on", [say("Resumed.")])]
    session_id = str(uuid.uuid4())
    with ModelApi(scenarios) as api:
        cli = Claude(api, tmp_path)
        process = cli.start("--session-id", session_id, "--allowedTools", "Bash")
        assert process.stdin is not None
        process.stdin.write(PROMPT.encode())
        process.stdin.close()
        process.stdin = None
        tool_pid = _written_pid(cli.workspace / "pid")
        _wait_until(lambda: is_on_disk(tmp_path / "home", session_id))
        process.kill()
        os.kill(tool_pid, signal.SIGKILL)
        killed = finished(process)

        resumed = cli.run("carry on", "--resume", session_id)

    assert (killed.exit_code, killed.of_type("result")) == (-signal.SIGKILL, [])
    assert (resumed.exit_code, resumed.result["result"]) == (0, "Resumed.")
    assert resumed.result["session_id"] == session_id
    results = [r for message in api.requests[-1].messages for r in message.tool_results]
    assert ["outcome is unknown" in result.text for result in results] == [True]


def test_a_conversation_that_is_not_scripted_fails_at_once_and_says_so(tmp_path: Path) -> None:
    with claude(tmp_path, say("x")) as cli:
        run = cli.run("something nobody has scripted")

    assert run.exit_code == 1
    assert "no scenario for this conversation" in run.result["result"]
    assert "something nobody has scripted" in run.result["result"]


def _written_pid(path: Path) -> int:
    _wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def _wait_until(condition: Callable[[], bool]) -> None:
    gives_up_at = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < gives_up_at, "it never came to pass"
        time.sleep(0.01)
