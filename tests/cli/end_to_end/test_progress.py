"""What people see of an agent at work: on a terminal, from another one, and as plain lines."""

from __future__ import annotations

import re
from typing import Any

from cc_executor.testing import fake_cli
from cc_executor.testing.scripted_agent import Script
from tests.cli.end_to_end.program import Program, on_a_terminal
from tests.cli.screen import Screen

#: Uses a tool until it is told to end.
BUSY = (
    Script()
    .claude_init()
    .claude_text("I begin.")
    .claude_tool("Bash", {"command": "make all"}, tool_use_id="t1")
    .wait_for_file("end")
    .claude_tool_result("ok", tool_use_id="t1")
    .claude_result("Done.", total_cost_usd=0.25, num_turns=2)
)


def test_the_terminal_and_ps_tell_what_an_agent_does_and_how_long_it_takes(
    program: Program,
) -> None:
    path = fake_cli.install(program.workspace.parent / "claude", BUSY)
    program.environ |= {
        "CC_EXECUTOR_CLAUDE_BIN": str(path),
        "ANTHROPIC_API_KEY": "dummy",
        "LC_ALL": "C.UTF-8",
    }
    (program.workspace / "tasks.md").write_text("# Work\n\n- Say hello.\n- Say goodbye.\n")
    seen: dict[str, Any] = {}

    def look(shown: bytes) -> bytes:
        screen = Screen(100, 30)
        screen.write(shown.decode("utf-8", "ignore"))
        seen["lines"] = screen.lines
        seen["table"] = program.run("ps").stdout.decode().splitlines()
        [seen["json"]] = program.json("ps")
        (program.workspace / "end").touch()
        return b""

    code, _ = on_a_terminal(program, "run", "-f", "tasks.md", react={b"Bash make all": look})

    assert code == 0
    head, first, second = seen["lines"][:3]
    assert re.search(r"  0 of 2 tasks  \ds .* left  2 turns$", head), head
    assert re.search(r"  ▸ \S+ +\ds of ~\S+\.\.\S+  2 turns  \?  Bash make all$", first), first
    assert second.startswith("  · ")
    assert re.search(r" \S+ \d+s of ~\S+ +2 +\? ", seen["table"][1]), seen["table"]
    busy, idle = seen["json"]["progress"]
    assert (busy["tool"], busy["tool_input"], busy["turns"]) == ("Bash", "make all", 2)
    assert (busy["cost_usd"], busy["observations"]) == (None, 0)
    assert busy["band"]["p50"] < busy["band"]["p90"] < busy["timeout_s"]
    assert (idle["state"], idle["attempt"]) == ("queued", 0)
