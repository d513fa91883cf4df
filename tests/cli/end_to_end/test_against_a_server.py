"""Every command of executions against a server: the same words, the same bytes, the same codes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.end_to_end.program import Program, ended, interrupt, read_until, until
from tests.server.process import ServerProcess

BYTES = "import os; os.write(1, bytes(range(256)) * 3000); os.write(2, b'\\xff!')"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    folder = tmp_path / "server"
    folder.mkdir()
    server = ServerProcess(folder)
    server.start()
    yield server
    server.close()


@pytest.fixture
def away(program: Program, server: ServerProcess) -> Program:
    """The program, whose state directory is not the server's."""
    program.environ["CC_EXECUTOR_SERVER"] = server.url
    program.environ["CC_EXECUTOR_TOKEN_FILE"] = str(server.home / "token")
    return program


def submitted(program: Program) -> str:
    execution_id = program.run("submit", *program.waiter()).stdout.decode().strip()
    until(lambda: program.run("logs", execution_id).stdout == b"ready\n", "its output")
    return execution_id


def test_run_shows_what_happens_and_exits_as_it_ended(away: Program) -> None:
    ran = away.run("run", "--command", "--", sys.executable, "-c", BYTES)
    failed = away.run("run", "--json", "--command", "--", "false")

    assert (ran.returncode, ran.stdout) == (0, bytes(range(256)) * 3000)
    assert b"\xff!" in ran.stderr
    assert (failed.returncode, json.loads(failed.stdout)["state"]) == (1, "failed")
    assert json.loads(failed.stdout)["workspace"] == str(away.workspace)


def test_the_bytes_of_logs_are_those_that_were_written(away: Program) -> None:
    away.run("run", "--command", "--", sys.executable, "-c", BYTES)
    execution_id = away.only_execution()["execution_id"]

    for arguments in (["logs"], ["logs", "-f"]):
        logs = away.run(*arguments, execution_id)
        assert (logs.returncode, logs.stdout, logs.stderr) == (
            *(0, bytes(range(256)) * 3000),
            b"\xff!",
        )
    first = away.run("logs", "--cursor-file", "place", execution_id)
    again = away.run("logs", "--cursor-file", "place", execution_id)
    assert (first.stdout, again.stdout) == (bytes(range(256)) * 3000, b"")


def test_what_runs_there_is_seen_and_controlled_from_here(
    away: Program, server: ServerProcess
) -> None:
    execution_id = submitted(away)

    [listed] = away.json("ps")
    paused = away.run("pause", execution_id)
    shown = away.json("show", execution_id[:12])
    resumed = away.run("resume", f"{execution_id}.1")
    attached = away.start("attach", execution_id)
    read_until(attached, b"ready")
    away.release()

    assert (listed["execution_id"], listed["host"]) == (execution_id, "server")
    assert (paused.returncode, paused.stdout.decode()) == (0, f"{execution_id} paused\n")
    assert shown["state"] == "paused"
    assert (resumed.returncode, resumed.stdout.decode()) == (0, f"{execution_id}.1 running\n")
    assert ended(attached)[0] == 0
    assert away.json("history", "list")[0]["state"] == "succeeded"
    assert "succeeded" in away.run("history", "export", "--format", "csv").stdout.decode()
    assert not (Path(away.environ["CC_EXECUTOR_HOME"]) / "state.db").exists()
    assert (server.home / "state.db").exists()


def test_it_is_cancelled_from_here(away: Program) -> None:
    execution_id = submitted(away)

    cancelled = away.run("cancel", execution_id)

    assert (cancelled.returncode, cancelled.stdout.decode()) == (0, f"{execution_id} cancelled\n")
    assert away.at_work() == []
    assert away.run("cancel", execution_id).returncode == 3


def test_ctrl_c_cancels_a_run_there(away: Program) -> None:
    running = away.start("run", "--json", *away.waiter())
    until(away.at_work, "the program")

    interrupt(running)
    code, out, _ = ended(running)

    assert (code, json.loads(out)["state"]) == (5, "cancelled")
    assert away.at_work() == []


def test_who_closes_the_pipe_ends_the_run_there(away: Program) -> None:
    running = away.start("run", *away.waiter())
    read_until(running, b"ready")
    assert running.stdout is not None
    running.stdout.close()
    running.stdout = None
    away.release()
    assert running.wait(30) == 141
    assert away.json("ps") == []


def test_what_is_left_is_continued_there(away: Program) -> None:
    (away.workspace / "tasks.yaml").write_text(
        "tasks:\n  - command: [test, -e, flag]\n  - command: [echo, done]\n"
    )
    failed = json.loads(away.run("run", "--json", "-f", "tasks.yaml").stdout)
    (away.workspace / "flag").touch()

    continued = away.run("continue", "--json", failed["execution_id"])

    assert json.loads(continued.stdout)["continues"] == failed["execution_id"]
    assert continued.returncode == 0


def test_a_server_that_is_not_there_is_said_at_once(program: Program) -> None:
    refused = program.run("ps", "--server", "ws://127.0.0.1:1", "--json")

    assert (refused.returncode, json.loads(refused.stdout)["error"]["code"]) == (
        *(3,),
        "server.unavailable",
    )


def test_a_flag_that_means_an_engine_here_is_refused(away: Program) -> None:
    refused = away.run("run", "--max-timeout-s", "5", "--command", "--", "true")

    assert refused.returncode == 2
    assert b"--max-timeout-s" in refused.stderr


def test_submit_hands_over_to_the_server_of_the_state_directory(
    program: Program, server: ServerProcess
) -> None:
    program.environ["CC_EXECUTOR_HOME"] = str(server.home)

    def submit(*flags: str) -> dict[str, Any]:
        said = program.run("submit", "--json", *flags, "--command", "--", "true").stdout
        accepted: dict[str, Any] = json.loads(said)
        return accepted

    with_server, other = submit(), submit("--grace-s", "1")
    server.stop()
    without = submit()

    assert (with_server["host"], other["host"], without["host"]) == (
        *("server", "detached"),
        "detached",
    )
    for one in (with_server, other, without):
        assert program.run("attach", one["execution_id"]).returncode == 0


def test_tokens_are_shown_made_listed_and_taken_back(
    program: Program, server: ServerProcess
) -> None:
    program.environ["CC_EXECUTOR_HOME"] = str(server.home)
    own = program.run("token", "show").stdout.decode().strip()
    made = program.json("token", "create", "ci", "--scope", "read", "--scope", "run")
    [listed] = program.json("token", "list")

    assert own == (server.home / "token").read_text().strip()
    assert {**listed, "token": made["token"]} == made
    assert (made["name"], made["scopes"], made["expires_at"]) == ("ci", ["read", "run"], None)
    assert made["token"] not in (server.home / "tokens.json").read_text()

    guest = Path(program.environ["HOME"]) / "guest"
    guest.write_text(made["token"])
    guest.chmod(0o600)
    asked = ("ps", "--server", server.url, "--token-file", str(guest))
    until(lambda: program.run(*asked).returncode == 0, "the server sees the new token")
    assert program.run("token", "revoke", made["id"]).returncode == 0
    until(lambda: program.run(*asked).returncode == 3, "the server sees that it is gone")
    assert program.run("token", "revoke", made["id"]).returncode == 3
    rotated = program.run("token", "rotate").stdout.decode().strip()
    assert rotated == program.json("token", "show")["token"] != own


def test_a_token_may_be_for_some_days(program: Program) -> None:
    made = program.json("token", "create", "guest", "--scope", "read", "--expires-in", "0.5")
    said = program.run("token", "create", "guest", "--scope", "read")

    assert 0 < made["expires_at"] - time.time() <= 43_200
    assert b"not kept" in said.stderr
    assert len(program.run("token", "list").stdout.splitlines()) == 2
    for arguments in (
        ["owner", "--scope", "read"],
        ["x", "--scope", "read", "--expires-in", "1e30"],
    ):
        assert program.run("token", "create", *arguments).returncode == 2
    assert program.run("token", "show", "--server", "ws://127.0.0.1:1").returncode == 2
