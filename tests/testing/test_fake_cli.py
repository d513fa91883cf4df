from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from cc_executor.testing import fake_cli
from cc_executor.testing.scripted_agent import Script

BOUND_S = 10
SESSION = "6c1f0e6e-4a52-4a4e-9d3c-5a8f4b0d7c11"


def run(path: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(path), *arguments],
        input=stdin,
        capture_output=True,
        env={"HOME": "/nowhere"},
        timeout=BOUND_S,
        check=False,
    )


def messages(out: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_it_tells_the_version_of_the_cli_it_stands_for(tmp_path: Path) -> None:
    claude = fake_cli.install(tmp_path / "claude", Script().exit(9))

    done = run(claude, "--version")

    assert (done.returncode, done.stdout) == (0, b"2.1.330 (Claude Code)\n")


def test_it_chooses_its_script_by_the_prompt(tmp_path: Path) -> None:
    claude = fake_cli.install(
        tmp_path / "claude",
        Script().line("otherwise"),
        by_prompt={"the 'API'": Script().line("api").report(), "tests": Script().exit(4)},
    )

    api = run(claude, "-p", stdin=b"write the 'API' and tests")

    assert api.stdout.startswith(b"api\n")
    assert json.loads(api.stdout.splitlines()[1])["stdin_bytes"] == 25
    assert run(claude, "-p", "write tests").returncode == 4
    assert run(claude, "-p", stdin=b"something else").stdout == b"otherwise\n"


def test_without_a_choice_the_script_reads_stdin_itself(tmp_path: Path) -> None:
    claude = fake_cli.install(tmp_path / "claude", Script().read_line().cat())

    assert run(claude, "-p", stdin=b"one\ntwo\n").stdout == b"got: one\ntwo\n"


def test_a_claude_run_has_one_session_the_one_it_was_given(tmp_path: Path) -> None:
    script = (
        Script()
        .claude_init()
        .claude_retry(status=429, error="rate_limit")
        .claude_rate_limit(resets_at=1_790_000_000)
        .claude_text("Writing.")
        .claude_tool("Write", {"file_path": "/w/a", "content": "é"})
        .claude_denied("Write", reason="no")
        .claude_tool_result("no", is_error=True)
        .claude_message({"type": "system", "subtype": "brand_new"})
        .claude_result("wrote nothing", permission_denials=[{"tool_name": "Write"}])
    )
    claude = fake_cli.install(tmp_path / "claude", script)

    flags = (["--session-id", SESSION], [f"--session-id={SESSION}"], ["--resume", SESSION])
    runs = [run(claude, "-p", "--permission-mode", "acceptEdits", *flag) for flag in flags]

    for done in runs:
        assert {message["session_id"] for message in messages(done.stdout)} == {SESSION}
    got = messages(runs[0].stdout)
    assert [(m["type"], m.get("subtype")) for m in got] == [
        ("system", "init"),
        ("system", "api_retry"),
        ("rate_limit_event", None),
        ("assistant", None),
        ("assistant", None),
        ("system", "permission_denied"),
        ("user", None),
        ("system", "brand_new"),
        ("result", "success"),
    ]
    assert got[0]["permissionMode"] == "acceptEdits"
    assert len({message["uuid"] for message in got}) == len(got)
    assert got[-1]["permission_denials"] == [{"tool_name": "Write"}]


def test_a_claude_run_without_a_session_id_makes_one_up(tmp_path: Path) -> None:
    claude = fake_cli.install(tmp_path / "claude", Script().claude_init().claude_result())

    first, second = (messages(run(claude, "-p").stdout) for _ in range(2))

    assert first[0]["session_id"] == first[1]["session_id"] != second[0]["session_id"]


def test_a_result_has_the_fields_of_the_outcome_it_stands_for(tmp_path: Path) -> None:
    script = (
        Script()
        .claude_result("ok", structured_output={"n": 3}, total_cost_usd=0.3, delta_cost_usd=0.1)
        .claude_result(
            None,
            subtype="error_max_turns",
            is_error=True,
            terminal_reason="max_turns",
            errors=["Reached maximum number of turns (3)"],
            total_cost_usd=None,
            more={"result_index": 1},
        )
    )
    claude = fake_cli.install(tmp_path / "claude", script)

    good, bad = messages(run(claude, "-p").stdout)

    assert (good["result"], good["structured_output"]) == ("ok", {"n": 3})
    (delta,) = good["model_usage_since_last_result"].values()
    assert (good["total_cost_usd"], delta["costUSD"]) == (0.3, 0.1)
    assert "errors" not in good
    assert bad["errors"] == ["Reached maximum number of turns (3)"]
    assert bad.keys().isdisjoint({"result", "structured_output", "total_cost_usd"})
    assert (bad["is_error"], bad["result_index"]) == (True, 1)
