"""Every recorded run of Claude Code, and what it came to: U5, U6, P3, P9.

Run as a program, `python -m tests.agents.claude_runs`, it writes the page that shows the table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from cc_executor.agents.claude.reader import ClaudeReader
from cc_executor.model.failures import Failure as F
from cc_executor.model.outcomes import EndedBy, Executed
from cc_executor.model.specs import TaskSpec

FOLDER: Final = Path(__file__).parent / "transcripts"
PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "claude-transcripts.md"

# What 2.1.331 says on stderr, which the transcripts do not hold.
_NEEDS_VERBOSE = "Error: When using --print, --output-format=stream-json requires --verbose\n"
_NO_ROOT = (
    "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons\n"
)
_NO_SCHEMA = "Error: --json-schema is not a valid JSON Schema: data/type must be array\n"
_NO_PROMPT = (
    "Error: Input must be provided either through stdin or as a prompt argument "
    "when using --print\n"
)


class Row(NamedTuple):
    """What one run came to.

    Attributes:
        exit: Exit status; negative: ended by that signal.
        failure: None for a success.
        cost_usd: Of this run alone; None: unknown.
        stderr: What was there; the transcripts hold stdout only.
        has_session: Whether it says by which session it could be resumed.
        inferred: The exit status was not recorded, but follows from what is known of such runs.
    """

    exit: int
    failure: F | None
    cost_usd: float | None
    results: int = 1
    stderr: str = ""
    has_session: bool = True
    inferred: bool = False
    note: str = ""


TABLE: Final[dict[str, Row]] = {
    "agent_background": Row(
        0,
        None,
        0.00056,
        results=2,
        note="a background agent: its result comes first, after the next turn has begun",
    ),
    "allowed_bash_pattern_no": Row(
        0, F.PERMISSION_DENIED, 0.01, note="`Bash(echo *)` was allowed, `touch` was asked for"
    ),
    "allowed_bash_pattern_ok": Row(0, None, 0.01),
    "bad_flag": Row(
        1,
        F.BAD_INVOCATION,
        None,
        results=0,
        stderr="error: unknown option '--nope'",
        has_session=False,
        note="stderr only",
    ),
    "bad_model": Row(
        0, None, None, note="the scripted model answers to any name, but nobody knows its price"
    ),
    "bare": Row(0, None, 0.005),
    "bash_background": Row(
        0,
        None,
        0.015,
        results=2,
        note="two results: the end of a background tool brings another turn",
    ),
    "bash_big_5MB": Row(
        0, None, 0.01, note="the tool's 5 MB reach the stream cut to 30,000 characters"
    ),
    "bash_denied_acceptEdits": Row(0, F.PERMISSION_DENIED, 0.00028, note="calls itself a success"),
    "bash_sleep5": Row(0, None, 0.01),
    "bash_sleep5_partial": Row(0, None, 0.01),
    "bidi_control": Row(
        0,
        F.PERMISSION_DENIED,
        0.015,
        results=2,
        inferred=True,
        note="stream-json input: the host denied `Write`",
    ),
    "bidi_interrupt_tool": Row(
        0,
        F.INTERRUPTED,
        0.01,
        results=2,
        inferred=True,
        note="stream-json input: the first result that failed counts, the next turn went well",
    ),
    "bidi_multiturn": Row(
        0, None, 0.02, results=3, inferred=True, note="stream-json input: one result per turn"
    ),
    "bidi_replay": Row(0, None, 0.005, inferred=True),
    "bwrap_bypass_uid1000": Row(0, None, 0.01),
    "continue": Row(
        0, None, 0.005, note="`total_cost_usd` says 0.02: the session's, not this run's"
    ),
    "disallowed": Row(
        0, None, 0.01, note="a tool that was taken away is no refusal: nothing is recorded"
    ),
    "err_400_credit": Row(1, F.BILLING, 0.0, note="`Credit balance is too low`, status 400"),
    "err_400_too_long": Row(1, F.CONTEXT_OVERFLOW, 0.0),
    "err_401": Row(
        -9,
        F.CRASHED,
        None,
        results=0,
        inferred=True,
        note="would retry for three minutes; the recording was stopped before",
    ),
    "err_403": Row(1, F.AUTHENTICATION, 0.0),
    "err_413": Row(
        1,
        F.CONTEXT_OVERFLOW,
        0.0,
        note="its terminal reason is `image_error`; the status says more",
    ),
    "err_429_2x_ra2": Row(0, None, 0.005, note="two retries, then well"),
    "err_429_forever_maxretries2": Row(1, F.RATE_LIMITED, 0.0),
    "err_500_1x": Row(0, None, 0.005, note="one retry, then well"),
    "err_529_2x": Row(0, None, 0.005, note="two retries, then well"),
    "err_529_forever_maxretries0": Row(1, F.OVERLOADED, 0.0),
    "err_529_forever_maxretries2": Row(1, F.OVERLOADED, 0.0),
    "err_conn_refused_maxretries2": Row(1, F.API_ERROR, 0.0),
    "err_no_key": Row(1, F.NOT_LOGGED_IN, 0.0),
    "err_no_key_json": Row(1, F.NOT_LOGGED_IN, 0.0, note="one JSON object instead of a stream"),
    "hello_json": Row(0, None, 0.005, note="one JSON object instead of a stream"),
    "hello_json_verbose": Row(0, None, 0.005, note="one JSON list instead of a stream"),
    "hello_partial": Row(0, None, 0.005),
    "hello_stream": Row(0, None, 0.005),
    "hello_stream_noverbose": Row(
        1,
        F.BAD_INVOCATION,
        None,
        results=0,
        stderr=_NEEDS_VERBOSE,
        has_session=False,
        note="stderr only",
    ),
    "hello_text": Row(
        0,
        F.NO_RESULT,
        None,
        results=0,
        has_session=False,
        note="another output format: no result message",
    ),
    "hooks_settings": Row(0, None, 0.01),
    "json_schema_always_invalid": Row(
        1, F.SCHEMA_VIOLATION, 0.0242, note="gave up after five attempts"
    ),
    "json_schema_bad_schema": Row(
        1,
        F.BAD_INVOCATION,
        None,
        results=0,
        stderr=_NO_SCHEMA,
        has_session=False,
        note="stderr only",
    ),
    "json_schema_ignored": Row(0, F.SCHEMA_VIOLATION, 0.00028, note="calls itself a success"),
    "json_schema_ok": Row(0, None, 0.005),
    "json_schema_ok_json": Row(0, None, 0.005),
    "long_429_default_ra1": Row(1, F.RATE_LIMITED, 0.0),
    "long_500_default": Row(1, F.API_ERROR, 0.0),
    "long_529_default": Row(1, F.OVERLOADED, 0.0),
    "long_conn_refused": Row(1, F.API_ERROR, 0.0),
    "long_hang_default": Row(
        -9,
        F.CRASHED,
        None,
        results=0,
        inferred=True,
        note="never a response header; stopped after 1,500 s",
    ),
    "long_pingforever": Row(
        0, None, 0.00916, note="600 s of pings, then a request without streaming"
    ),
    "long_stall_apitimeout": Row(
        0, None, 0.00916, note="300 s of silence, then a request without streaming"
    ),
    "long_stall_default": Row(
        0, None, 0.00916, note="300 s of silence, then a request without streaming"
    ),
    "long_stall_watchdog": Row(
        0, None, 0.00916, note="300 s of silence, then a request without streaming"
    ),
    "max_budget_sum": Row(1, F.BUDGET, 0.5, note="a cap of $0.01, overshot by one call"),
    "max_output_tokens": Row(1, F.AGENT_ERROR, 0.00416, note="the answer was cut three times"),
    "max_turns_3_json": Row(1, F.MAX_TURNS, 0.015, note="one JSON object instead of a stream"),
    "max_turns_stream": Row(1, F.MAX_TURNS, 0.00028),
    "mcp_stdio": Row(0, None, 0.005),
    "mcp_stdio_bypass": Row(0, None, 0.005),
    "mcp_stdio_noTSearch": Row(0, None, 0.01, note="a tool of an MCP server"),
    "model_not_found": Row(1, F.INVALID_MODEL, 0.0, note="status 404"),
    "monitor": Row(
        0, None, 0.00042, results=2, note="two results: what it watched for brings another turn"
    ),
    "multi_e2e": Row(0, None, 0.03),
    "no_persist": Row(0, None, 0.005),
    "no_prompt": Row(
        1,
        F.BAD_INVOCATION,
        None,
        results=0,
        stderr=_NO_PROMPT,
        has_session=False,
        note="stderr only",
    ),
    "parallel_tools": Row(0, None, 0.01),
    "restricted": Row(0, None, 0.005),
    "resume": Row(0, None, 0.005, note="`total_cost_usd` says 0.01"),
    "resume_after_sigint": Row(
        0, None, 0.005, note="the interrupted process' cost is not in its total"
    ),
    "resume_after_sigkill": Row(
        0, None, 0.005, note="the killed process' cost is not in its total"
    ),
    "resume_budget_below_prior": Row(
        0,
        None,
        0.005,
        note="`total_cost_usd` says 0.015, beyond the cap: that counts this process only",
    ),
    "resume_no_persist": Row(
        1, F.AGENT_SESSION, 0.0, has_session=False, note="no such session: a result without a start"
    ),
    "resume_other_cwd": Row(0, None, 0.005, note="`total_cost_usd` says 0.015"),
    "schedule_wakeup": Row(
        0,
        None,
        0.00042,
        results=2,
        note="98 s of silence after the first result, then another turn",
    ),
    "session_id": Row(0, None, 0.005),
    "settings_perm_deny": Row(
        0, None, 0.01, note="a denied tool is taken away: nothing is recorded"
    ),
    "sig_hup_tool": Row(
        129, F.INTERRUPTED, None, results=0, note="caught the signal, gave no result"
    ),
    "sig_int2": Row(
        0,
        F.NO_RESULT,
        None,
        results=0,
        inferred=True,
        note="a tool that ignores signals: interrupted twice, no result",
    ),
    "sig_int_stream": Row(0, F.INTERRUPTED, 0.00414, note="status 0, and yet"),
    "sig_kill_tool": Row(-9, F.CRASHED, None, results=0),
    "sig_stop_100s": Row(0, None, 0.005, note="frozen for 100 s, then well"),
    "sig_stop_stream": Row(0, None, 0.005, note="frozen for 20 s, then well"),
    "sig_stop_tool": Row(0, None, 0.01, note="frozen for 12 s, then well"),
    "sig_term_bgtool": Row(
        143, F.INTERRUPTED, 0.01, note="ended after a result, while it waited for a background tool"
    ),
    "sig_term_escape": Row(
        143, F.INTERRUPTED, None, results=0, note="caught the signal, gave no result"
    ),
    "sig_term_tool": Row(
        143, F.INTERRUPTED, None, results=0, note="caught the signal, gave no result"
    ),
    "stdin_prompt": Row(0, None, 0.005),
    "system_prompt": Row(0, None, 0.005),
    "tools_none": Row(0, None, 0.005),
    "usage_limit_oauth": Row(
        1, F.USAGE_LIMIT, 0.0, note="a subscription's window, with the time of its reset"
    ),
    "write_acceptEdits": Row(0, None, 0.01),
    "write_allowedTools": Row(0, None, 0.01),
    "write_auto": Row(0, None, 0.01),
    "write_bypass_root": Row(
        1, F.BAD_INVOCATION, None, results=0, stderr=_NO_ROOT, has_session=False, note="stderr only"
    ),
    "write_bypass_root_IS_SANDBOX": Row(0, None, 0.01),
    "write_bypass_root_mode": Row(
        1, F.BAD_INVOCATION, None, results=0, stderr=_NO_ROOT, has_session=False, note="stderr only"
    ),
    "write_default_denied": Row(0, F.PERMISSION_DENIED, 0.01, note="calls itself a success"),
    "write_manual": Row(0, F.PERMISSION_DENIED, 0.01, note="calls itself a success"),
}


def spec_of(name: str) -> TaskSpec:
    """Return the task that was run."""
    return TaskSpec(
        prompt="x",
        json_schema={"type": "object"} if name.startswith("json_schema") else None,
        session_id="earlier" if name.startswith(("resume", "continue")) else None,
    )


def stdout_of(name: str) -> bytes:
    """Return what the run printed."""
    return (FOLDER / f"{name}.jsonl").read_bytes()


def executed(name: str) -> Executed:
    """Return what a supervisor would have seen of the run's end."""
    status = TABLE[name].exit
    if status < 0:
        return Executed(ended_by=EndedBy.EXIT, signal="SIGKILL")
    return Executed(ended_by=EndedBy.EXIT, exit_code=status)


def reader_of(name: str) -> ClaudeReader:
    """Return a reader that has read the whole run."""
    reader = ClaudeReader(spec_of(name))
    reader.feed("stdout", stdout_of(name))
    reader.feed("stderr", TABLE[name].stderr.encode())
    return reader


def page() -> str:
    """Return the table as a page of the documentation."""
    lines = [
        "# Recorded runs of Claude Code",
        "",
        "Runs of the real CLI (2.1.330, 2.1.331) against a scripted model, and what the dialect",
        "makes of each. The tests read every one of them, in any pieces. A status in brackets was",
        "not recorded but follows from the others; a status below zero is a signal. The cost is of",
        "this run alone: what a resumed session has cost before is not in it.",
        "",
        "| run | status | failure | cost (USD) | results | note |",
        "| --- | ---: | --- | ---: | ---: | --- |",
        *(_line(name, row) for name, row in sorted(TABLE.items())),
    ]
    return "\n".join(lines) + "\n"


def _line(name: str, row: Row) -> str:
    status = f"({row.exit})" if row.inferred else str(row.exit)
    failure = f"`{row.failure}`" if row.failure else ""
    cost = "unknown" if row.cost_usd is None else f"{row.cost_usd:g}"
    return f"| `{name}` | {status} | {failure} | {cost} | {row.results} | {row.note} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
