"""Every recorded run of Claude Code, and what it came to: U5, U6, P3, P9."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_executor.agents.base import Activity
from cc_executor.agents.claude.dialect import Claude
from cc_executor.engine.settle import settle
from cc_executor.model.failures import Failure as F
from cc_executor.model.outcomes import Changes, EndedBy, Executed
from cc_executor.model.specs import TaskSpec

FOLDER = Path(__file__).parent / "transcripts"


# What 2.1.331 says on stderr, which the transcripts do not hold.
STREAM_NEEDS_VERBOSE = "Error: When using --print, --output-format=stream-json requires --verbose\n"
NO_ROOT = (
    "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons\n"
)
NO_SCHEMA = "Error: --json-schema is not a valid JSON Schema: data/type must be array\n"
NO_PROMPT = (
    "Error: Input must be provided either through stdin or as a prompt argument "
    "when using --print\n"
)


class Row(NamedTuple):
    """Exit status (negative: ended by that signal), what it came to, cost, number of results.

    stderr is what the facts say was there: transcripts hold stdout only.
    """

    exit: int
    failure: F | None
    cost_usd: float | None
    results: int = 1
    stderr: str = ""


OK = Row(0, None, 0.005)
OK_2 = Row(0, None, 0.01)
STALLED = Row(0, None, 0.00916)

TABLE: dict[str, Row] = {
    "allowed_bash_pattern_no": Row(0, F.PERMISSION_DENIED, 0.01),
    "allowed_bash_pattern_ok": OK_2,
    "bad_flag": Row(1, F.BAD_INVOCATION, None, 0, "error: unknown option '--nope'"),
    "bad_model": Row(0, None, None),  # the stub answers to any name, but nobody knows its price
    "bare": OK,
    "bash_background": Row(0, None, 0.015, 2),
    "bash_big_5MB": OK_2,
    "bash_sleep5": OK_2,
    "bash_sleep5_partial": OK_2,
    "bidi_control": Row(0, F.PERMISSION_DENIED, 0.015, 2),
    "bidi_interrupt_tool": Row(0, F.INTERRUPTED, 0.01, 2),  # the first that failed counts
    "bidi_multiturn": Row(0, None, 0.02, 3),
    "bidi_replay": OK,
    "bwrap_bypass_uid1000": OK_2,
    "continue": OK,  # total_cost_usd says 0.02: the session's, not this run's
    "disallowed": OK_2,  # a tool that was taken away is no refusal: nothing is recorded
    "err_400_too_long": Row(1, F.CONTEXT_OVERFLOW, 0.0),
    "err_401": Row(-9, F.CRASHED, None, 0),  # it would retry for three minutes; was killed
    "err_403": Row(1, F.AUTHENTICATION, 0.0),
    "err_429_2x_ra2": OK,
    "err_429_forever_maxretries2": Row(1, F.RATE_LIMITED, 0.0),
    "err_500_1x": OK,
    "err_529_2x": OK,
    "err_529_forever_maxretries0": Row(1, F.OVERLOADED, 0.0),
    "err_529_forever_maxretries2": Row(1, F.OVERLOADED, 0.0),
    "err_conn_refused_maxretries2": Row(1, F.API_ERROR, 0.0),
    "err_no_key": Row(1, F.NOT_LOGGED_IN, 0.0),
    "err_no_key_json": Row(1, F.NOT_LOGGED_IN, 0.0),
    "hello_json": OK,
    "hello_json_verbose": OK,
    "hello_partial": OK,
    "hello_stream": OK,
    "hello_stream_noverbose": Row(1, F.BAD_INVOCATION, None, 0, STREAM_NEEDS_VERBOSE),
    "hello_text": Row(0, F.NO_RESULT, None, 0),  # another output format: no result message
    "hooks_settings": OK_2,
    "json_schema_always_invalid": Row(1, F.SCHEMA_VIOLATION, 0.0242),
    "json_schema_bad_schema": Row(1, F.BAD_INVOCATION, None, 0, NO_SCHEMA),
    "json_schema_ok": OK,
    "json_schema_ok_json": OK,
    "long_429_default_ra1": Row(1, F.RATE_LIMITED, 0.0),
    "long_500_default": Row(1, F.API_ERROR, 0.0),
    "long_529_default": Row(1, F.OVERLOADED, 0.0),
    "long_conn_refused": Row(1, F.API_ERROR, 0.0),
    "long_hang_default": Row(-9, F.CRASHED, None, 0),  # was killed after 1,500 s
    "long_pingforever": STALLED,
    "long_stall_apitimeout": STALLED,
    "long_stall_default": STALLED,
    "long_stall_watchdog": STALLED,
    "max_budget_sum": Row(1, F.BUDGET, 0.5),
    "max_turns_3_json": Row(1, F.MAX_TURNS, 0.015),
    "mcp_stdio": OK,
    "mcp_stdio_bypass": OK,
    "mcp_stdio_noTSearch": OK_2,
    "multi_e2e": Row(0, None, 0.03),
    "no_persist": OK,
    "no_prompt": Row(1, F.BAD_INVOCATION, None, 0, NO_PROMPT),
    "parallel_tools": OK_2,
    "restricted": OK,
    "resume": OK,  # total_cost_usd says 0.01
    "resume_after_sigint": OK,
    "resume_after_sigkill": OK,
    "resume_budget_below_prior": OK,  # total_cost_usd says 0.015
    "resume_no_persist": Row(1, F.AGENT_SESSION, 0.0),
    "resume_other_cwd": OK,
    "session_id": OK,
    "settings_perm_deny": OK_2,  # a denied tool is taken away: nothing is recorded
    "sig_hup_tool": Row(129, F.INTERRUPTED, None, 0),
    "sig_int2": Row(0, F.NO_RESULT, None, 0),
    "sig_int_stream": Row(0, F.INTERRUPTED, 0.00414),  # status 0, and yet
    "sig_kill_tool": Row(-9, F.CRASHED, None, 0),
    "sig_stop_100s": OK,
    "sig_stop_stream": OK,
    "sig_stop_tool": OK_2,
    "sig_term_bgtool": Row(143, F.INTERRUPTED, 0.01),  # ended while a background tool ran
    "sig_term_escape": Row(143, F.INTERRUPTED, None, 0),
    "sig_term_tool": Row(143, F.INTERRUPTED, None, 0),
    "stdin_prompt": OK,
    "system_prompt": OK,
    "tools_none": OK,
    "write_acceptEdits": OK_2,
    "write_allowedTools": OK_2,
    "write_auto": OK_2,
    "write_bypass_root": Row(1, F.BAD_INVOCATION, None, 0, NO_ROOT),
    "write_bypass_root_IS_SANDBOX": OK_2,
    "write_bypass_root_mode": Row(1, F.BAD_INVOCATION, None, 0, NO_ROOT),
    "write_default_denied": Row(0, F.PERMISSION_DENIED, 0.01),
    "write_manual": Row(0, F.PERMISSION_DENIED, 0.01),
}

RESUMED = {name for name in TABLE if name.startswith(("resume", "continue"))}


def spec_of(name: str) -> TaskSpec:
    return TaskSpec(
        prompt="x",
        json_schema={} if name.startswith("json_schema") else None,
        session_id="earlier" if name in RESUMED else None,
    )


def executed(row: Row) -> Executed:
    if row.exit < 0:
        return Executed(ended_by=EndedBy.EXIT, signal="SIGKILL")
    return Executed(ended_by=EndedBy.EXIT, exit_code=row.exit)


def test_every_transcript_is_in_the_table() -> None:
    recorded = {path.name.removesuffix(".jsonl") for path in FOLDER.glob("*.jsonl")}

    assert {name for name in recorded if not name.endswith(".stdin")} == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_a_transcript_gives_the_outcome_that_its_name_says(name: str) -> None:
    row = TABLE[name]
    reader = Claude().reader(spec_of(name))
    reader.feed("stdout", (FOLDER / f"{name}.jsonl").read_bytes())
    reader.feed("stderr", row.stderr.encode())

    conclusion = reader.conclude(executed(row))

    assert conclusion.failure == row.failure, conclusion.message
    assert conclusion.claimed.results == row.results
    assert conclusion.cost_usd == (
        None if row.cost_usd is None else pytest.approx(row.cost_usd, abs=1e-4)
    )


@pytest.mark.parametrize("ended_by", [EndedBy.TIMER, EndedBy.CANCEL, EndedBy.ORPHANED])
def test_an_end_that_we_brought_about_wins_over_a_success(ended_by: EndedBy) -> None:
    reader = Claude().reader(spec_of("hello_stream"))
    reader.feed("stdout", (FOLDER / "hello_stream.jsonl").read_bytes())

    conclusion = reader.conclude(Executed(ended_by=ended_by, timer="total", exit_code=0))

    assert conclusion.failure in (F.TIMED_OUT, F.CANCELLED, F.ABANDONED)


def test_a_process_that_would_not_leave_after_its_result_keeps_its_result() -> None:
    reader = Claude().reader(spec_of("hello_stream"))
    reader.feed("stdout", (FOLDER / "hello_stream.jsonl").read_bytes())

    conclusion = reader.conclude(Executed(ended_by=EndedBy.GRACE, signal="SIGTERM"))

    assert conclusion.failure is None
    assert conclusion.claimed.text == "Hello from the stub."


def test_an_ignored_schema_is_a_violation_although_everything_says_success() -> None:
    spec = TaskSpec(prompt="x", json_schema={"type": "object"})
    reader = Claude().reader(spec)
    reader.feed("stdout", (FOLDER / "hello_stream.jsonl").read_bytes())
    executed_well = Executed(ended_by=EndedBy.EXIT, exit_code=0)

    outcome = settle(spec, executed_well, reader.conclude(executed_well), Changes())

    assert outcome.failure is F.SCHEMA_VIOLATION
    assert outcome.verified.schema == "invalid"


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(sorted(TABLE)), data=st.data())
def test_bytes_in_any_pieces_give_the_same_events(name: str, data: st.DataObject) -> None:
    raw = (FOLDER / f"{name}.jsonl").read_bytes()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    whole = Claude().reader(spec_of(name))
    pieces = Claude().reader(spec_of(name))

    expected = list(whole.feed("stdout", raw))
    got = [
        event
        for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)
        for event in pieces.feed("stdout", raw[start:end])
    ]

    assert got == expected
    end = executed(TABLE[name])
    assert pieces.conclude(end) == whole.conclude(end)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2_000))
def test_garbage_is_never_an_error(garbage: bytes) -> None:
    reader = Claude().reader(TaskSpec(prompt="x"))

    reader.feed("stdout", garbage + b"\n")

    conclusion = reader.conclude(Executed(ended_by=EndedBy.EXIT, exit_code=0))
    assert conclusion.failure is F.NO_RESULT


def activities(name: str) -> list[Activity]:
    reader = Claude().reader(spec_of(name))
    found = []
    for line in (FOLDER / f"{name}.jsonl").read_bytes().splitlines(keepends=True):
        reader.feed("stdout", line)
        found.append(reader.activity)
    return found


def test_it_is_not_finished_while_something_runs_in_the_background() -> None:
    seen = activities("bash_background")

    # The first result arrives while the background tool runs, and is not the end.
    holds = [activity.hold for activity in seen]
    assert "background task" in holds
    assert not any(activity.finished for activity in seen[: holds.index("background task") + 1])
    assert seen[-1].finished


def test_silence_is_healthy_while_a_tool_is_open_and_while_it_retries() -> None:
    assert "tool Bash" in [activity.hold for activity in activities("bash_sleep5")]
    assert "api retry" in [activity.hold for activity in activities("err_429_2x_ra2")]
    assert activities("hello_stream")[-1] == Activity(hold=None, finished=True)
