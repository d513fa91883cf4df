"""U5, P3, P9: the truth table. A success needs every proof there is; nothing makes up for one."""

from __future__ import annotations

from typing import Any

import pytest

from cc_executor.agents.claude.account import Charge
from cc_executor.agents.claude.conclude import conclude, judge
from cc_executor.agents.claude.facts import Facts, ResultFacts
from cc_executor.agents.claude.tables import TERMINAL_REASONS, UNFINISHED
from cc_executor.model.events import LimitNotice
from cc_executor.model.failures import Failure as F
from cc_executor.model.outcomes import Denial, EndedBy, Executed

WELL = Executed(ended_by=EndedBy.EXIT, exit_code=0)
BADLY = Executed(ended_by=EndedBy.EXIT, exit_code=1)
REJECTED = LimitNotice(status="rejected", resets_at=1000.0)


def result(**fields: Any) -> ResultFacts:
    return ResultFacts(
        **{"subtype": "success", "is_error": False, "terminal_reason": "completed", **fields}
    )


def failed(**fields: Any) -> ResultFacts:
    return result(**{"is_error": True, "terminal_reason": "api_error", **fields})


def facts(given: ResultFacts | None, **fields: Any) -> Facts:
    return Facts(results=int(given is not None), result=given, is_working=given is None, **fields)


def failure(given: Facts, executed: Executed) -> F | None:
    verdict = judge(given, executed)
    assert verdict is None or verdict.message
    return verdict.failure if verdict else None


GOOD = facts(result())

TABLE: list[tuple[str, Facts, Executed, F | None]] = [
    ("all well", GOOD, WELL, None),
    ("an older CLI: no terminal reason", facts(result(terminal_reason=None)), WELL, None),
    ("a reason of tomorrow", facts(result(terminal_reason="news")), WELL, None),
    # What the result says against itself.
    ("success with is_error", facts(failed()), WELL, F.API_ERROR),
    (
        "an error without is_error",
        facts(result(subtype="error_x", is_error=None)),
        WELL,
        F.AGENT_ERROR,
    ),
    ("no subtype", facts(result(subtype=None)), WELL, F.AGENT_ERROR),
    ("401", facts(failed(api_status=401)), BADLY, F.AUTHENTICATION),
    ("403", facts(failed(api_status=403)), BADLY, F.AUTHENTICATION),
    (
        "404 of a model",
        facts(failed(api_status=404, api_error="model_not_found")),
        BADLY,
        F.INVALID_MODEL,
    ),
    ("404 of something else", facts(failed(api_status=404)), BADLY, F.API_ERROR),
    (
        "413",
        facts(failed(api_status=413, terminal_reason="image_error")),
        BADLY,
        F.CONTEXT_OVERFLOW,
    ),
    ("429", facts(failed(api_status=429, api_error="rate_limit")), BADLY, F.RATE_LIMITED),
    (
        "a window, in the words of version 1",
        facts(failed(text="Claude AI usage limit reached|1760000000")),
        BADLY,
        F.USAGE_LIMIT,
    ),
    ("429 of a window", facts(failed(api_status=429), limit=REJECTED), BADLY, F.USAGE_LIMIT),
    ("500", facts(failed(api_status=500, api_error="server_error")), BADLY, F.API_ERROR),
    ("529", facts(failed(api_status=529, api_error="server_error")), BADLY, F.OVERLOADED),
    ("overloaded in the stream", facts(failed(api_error="overloaded")), BADLY, F.OVERLOADED),
    ("refused connection", facts(failed(api_error="server_error")), BADLY, F.API_ERROR),
    ("no login", facts(failed(api_error="authentication_failed")), BADLY, F.NOT_LOGGED_IN),
    (
        "no login, in words",
        facts(failed(text="Not logged in · Please run /login")),
        BADLY,
        F.NOT_LOGGED_IN,
    ),
    ("too long, in words", facts(failed(text="Prompt is too long")), BADLY, F.CONTEXT_OVERFLOW),
    (
        "a window, in words",
        facts(failed(text="You've hit your 5-hour limit · resets 3pm")),
        BADLY,
        F.USAGE_LIMIT,
    ),
    (
        "no credit, in words",
        facts(failed(text="Credit balance is too low", api_status=400)),
        BADLY,
        F.BILLING,
    ),
    ("no credit, in a word", facts(failed(api_error="billing_error")), BADLY, F.BILLING),
    (
        "no credit, in a word beside a status",
        facts(failed(api_status=400, api_error="billing_error")),
        BADLY,
        F.BILLING,
    ),
    ("402", facts(failed(api_status=402)), BADLY, F.BILLING),
    (
        "words of a model about credit",
        facts(result(text="Credit balance is too low")),
        WELL,
        None,
    ),
    (
        "too many turns, an older CLI",
        facts(failed(subtype="error_max_turns", terminal_reason=None)),
        BADLY,
        F.MAX_TURNS,
    ),
    (
        "no such session",
        facts(failed(errors=("No conversation found with session ID: x",))),
        BADLY,
        F.AGENT_SESSION,
    ),
    (
        "a start that failed",
        facts(failed(startup_failure="news", terminal_reason=None)),
        BADLY,
        F.BAD_INVOCATION,
    ),
    ("interrupted, status 0", facts(failed(terminal_reason="aborted_tools")), WELL, F.INTERRUPTED),
    # What a model says is no fact about its run.
    ("words of a model", facts(result(text="Not logged in")), WELL, None),
    (
        "words of a model about a limit",
        facts(result(text="You've hit your limit"), limit=REJECTED),
        WELL,
        None,
    ),
    # What the exit says against the result.
    ("status 1 after a success", GOOD, BADLY, F.EXIT_STATUS),
    ("TERM after a success", GOOD, Executed(ended_by=EndedBy.EXIT, exit_code=143), F.INTERRUPTED),
    ("KILL after a success", GOOD, Executed(ended_by=EndedBy.EXIT, signal="SIGKILL"), F.CRASHED),
    ("nobody saw its status", GOOD, Executed(ended_by=EndedBy.EXIT), F.EXIT_STATUS),
    ("it would not leave", GOOD, Executed(ended_by=EndedBy.GRACE, signal="SIGKILL"), None),
    # What is missing for a success.
    ("a refused tool", facts(result(), denials=(Denial(tool="Write"),)), WELL, F.PERMISSION_DENIED),
    ("no structured output", facts(result(), wants_structure=True), WELL, F.SCHEMA_VIOLATION),
    (
        "null is structured output",
        facts(result(), wants_structure=True, structured=None),
        WELL,
        None,
    ),
    (
        "both",
        facts(result(), wants_structure=True, denials=(Denial(tool="Write"),)),
        WELL,
        F.PERMISSION_DENIED,
    ),
    # Without a result.
    ("nothing at all", facts(None), WELL, F.NO_RESULT),
    ("no result, status 1", facts(None, complaint="oops", stderr="oops"), BADLY, F.NO_RESULT),
    (
        "status 0 and a known sentence",
        facts(None, stderr="error: unknown option"),
        WELL,
        F.NO_RESULT,
    ),
    ("bad flag", facts(None, stderr="error: unknown option '--x'"), BADLY, F.BAD_INVOCATION),
    (
        "root",
        facts(
            None, stderr="--dangerously-skip-permissions cannot be used with root/sudo privileges"
        ),
        BADLY,
        F.BAD_INVOCATION,
    ),
    (
        "session in use",
        facts(None, stderr="Error: Session ID x is already in use."),
        BADLY,
        F.AGENT_SESSION,
    ),
    (
        "not logged in",
        facts(None, stderr="warning\nNot logged in · Please run /login"),
        BADLY,
        F.NOT_LOGGED_IN,
    ),
    ("killed", facts(None), Executed(ended_by=EndedBy.EXIT, signal="SIGKILL"), F.CRASHED),
    ("hung up", facts(None), Executed(ended_by=EndedBy.EXIT, exit_code=129), F.INTERRUPTED),
    (
        "work after the result",
        Facts(results=1, result=result(), is_working=True),
        WELL,
        F.NO_RESULT,
    ),
    # What we did ourselves comes first.
    ("timer", GOOD, Executed(ended_by=EndedBy.TIMER, timer="idle", exit_code=0), F.TIMED_OUT),
    (
        "cancel",
        facts(failed(api_status=529)),
        Executed(ended_by=EndedBy.CANCEL, exit_code=143),
        F.CANCELLED,
    ),
    ("lost", GOOD, Executed(ended_by=EndedBy.LOST), F.LOST),
    ("never started", facts(None), Executed(ended_by=EndedBy.START, error="no"), F.START_FAILED),
]


@pytest.mark.parametrize(
    ("given", "executed", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_truth_table(given: Facts, executed: Executed, expected: F | None) -> None:
    assert failure(given, executed) is expected


@pytest.mark.parametrize("reason", sorted({*TERMINAL_REASONS, *UNFINISHED}))
def test_a_reason_for_unfinished_work_is_a_failure_whatever_else_is_said(reason: str) -> None:
    assert failure(facts(result(terminal_reason=reason)), WELL) is not None


def test_a_refusal_names_each_tool_once() -> None:
    denials = (Denial(tool="Write"), Denial(tool="Bash"), Denial(tool="Write", tool_use_id="x"))

    verdict = judge(facts(result(), denials=denials), WELL)

    assert verdict is not None
    assert verdict.message == "It was refused a tool it wanted: Write, Bash."


def test_the_reset_of_a_window_is_told_only_as_reported_and_only_where_it_matters() -> None:
    limited = facts(failed(api_status=429), limit=REJECTED)
    in_words = facts(failed(text="You've hit your limit · resets 3pm"))
    warned = facts(result(), limit=REJECTED)

    assert conclude(limited, BADLY).limit_resets_at == 1000.0
    assert conclude(in_words, BADLY).limit_resets_at is None
    assert conclude(warned, WELL).limit_resets_at is None


def test_what_never_ran_cost_nothing() -> None:
    never = Executed(ended_by=EndedBy.START, error="no such file")

    assert conclude(facts(None), never).cost_usd == 0.0
    assert conclude(facts(None), BADLY).cost_usd is None
    assert conclude(facts(result(), charge=Charge(0.5, None)), WELL).cost_usd == 0.5


def test_a_message_is_one_short_line_of_the_agents_own() -> None:
    long = facts(None, stderr="noise\nError: Invalid MCP configuration:\n" + "x" * 5000)

    message = conclude(long, BADLY).message

    assert message is not None
    assert message.startswith("Error: Invalid MCP configuration: xxx")
    assert len(message) == 500


def test_a_session_that_cannot_be_used_is_not_offered_for_resuming() -> None:
    refused = facts(failed(errors=("No conversation found with session ID: x",)), session_id="x")

    assert conclude(refused, BADLY).agent_session_id is None
    assert conclude(facts(result(), session_id="x"), WELL).agent_session_id == "x"


@pytest.mark.parametrize(
    ("text", "limit", "resets_at"),
    [
        ("You've hit your 5-hour limit", REJECTED, 1000.0),
        ("Claude AI usage limit reached|1760000000", None, 1_760_000_000.0),
        ("Claude AI usage limit reached|1760000000", LimitNotice(status="rejected"), 1.76e9),
        ("You've hit your 5-hour limit · resets 3pm", None, None),
        ("You've hit your 5-hour limit", LimitNotice(status="allowed", resets_at=5.0), None),
    ],
)
def test_a_time_of_reset_is_only_ever_the_one_that_was_reported(
    text: str, limit: LimitNotice | None, resets_at: float | None
) -> None:
    concluded = conclude(facts(failed(text=text), limit=limit), BADLY)
    assert concluded.failure is F.USAGE_LIMIT
    assert concluded.limit_resets_at == resets_at


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("API Error: 429 rate limited, retry-after: 120", 120.0),
        ("API Error: 529 overloaded. Try again in 2.5 minutes", 150.0),
        ("API Error: please retry in 30s.", 30.0),
        ("API Error: try again in 1 hour", 3_600.0),
        ("API Error: 429 too many requests", None),
        ("API Error: try again in a while, or in 1999", None),
        ("API Error: try again in 10 monsoons", None),
    ],
)
def test_a_delay_that_the_model_api_asks_for_is_taken_from_the_agents_error_only(
    text: str, seconds: float | None
) -> None:
    given = facts(failed(api_status=429, text=text))
    assert conclude(given, BADLY).retry_after_s == seconds
    assert conclude(facts(result(text=text)), WELL).retry_after_s is None
