"""The dialect against every recorded run: U5, U6, P3, P9, P20."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_executor.agents.claude.reader import ClaudeReader
from cc_executor.engine.settle import settle
from cc_executor.model.failures import Failure
from cc_executor.model.outcomes import Changes, EndedBy, Executed
from tests.agents.claude_runs import (
    FOLDER,
    PAGE,
    TABLE,
    executed,
    page,
    reader_of,
    spec_of,
    stdout_of,
)


def test_every_transcript_is_in_the_table() -> None:
    recorded = {path.name.removesuffix(".jsonl") for path in FOLDER.glob("*.jsonl")}

    assert {name for name in recorded if not name.endswith(".stdin")} == set(TABLE)


def test_the_page_shows_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tests.agents.claude_runs`"


@pytest.mark.parametrize("name", TABLE)
def test_a_run_gives_the_outcome_that_its_name_says(name: str) -> None:
    row = TABLE[name]

    conclusion = reader_of(name).conclude(executed(name))

    assert conclusion.failure == row.failure, conclusion.message
    assert conclusion.claimed.results == row.results
    assert conclusion.cost_usd == pytest.approx(row.cost_usd)
    assert (conclusion.agent_session_id is not None) == row.has_session
    assert (conclusion.message is None) == (row.failure is None)


@pytest.mark.parametrize("name", sorted(name for name in TABLE if TABLE[name].failure))
def test_a_failed_run_says_why_in_the_agents_own_words(name: str) -> None:
    conclusion = reader_of(name).conclude(executed(name))

    assert conclusion.message
    assert "ede_diagnostic" not in conclusion.message  # what it says of itself when interrupted


def test_no_failed_result_is_passed_off_as_an_answer() -> None:
    for name in TABLE:
        claimed = reader_of(name).conclude(executed(name)).claimed
        if claimed.is_error and claimed.results == 1:
            assert claimed.text is None, name
            assert claimed.errors, name


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("hello_stream", (1000, 50)),
        ("hello_json", (1000, 50)),  # no `model_usage_since_last_result`: `usage`
        ("bash_background", (3000, 150)),  # over both results
        ("resume", (1000, 50)),  # `modelUsage` says 2000 and 100
        ("sig_int_stream", (1000, 7)),  # `usage` says 0 and 0
    ],
)
def test_tokens_are_those_of_the_run_alone(name: str, tokens: tuple[int, int]) -> None:
    usage = reader_of(name).conclude(executed(name)).usage

    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == tokens


def test_a_usage_limit_tells_when_it_ends_as_it_was_reported() -> None:
    conclusion = reader_of("usage_limit_oauth").conclude(executed("usage_limit_oauth"))

    assert f'"resetsAt":{conclusion.limit_resets_at:.0f}'.encode() in stdout_of("usage_limit_oauth")


@pytest.mark.parametrize(
    ("ended_by", "failure"),
    [
        (EndedBy.TIMER, Failure.TIMED_OUT),
        (EndedBy.CANCEL, Failure.CANCELLED),
        (EndedBy.ORPHANED, Failure.ABANDONED),
        (EndedBy.LIMIT, Failure.RESOURCE_EXCEEDED),
        (EndedBy.LOST, Failure.LOST),
    ],
)
def test_an_end_that_we_brought_about_wins_over_any_text(
    ended_by: EndedBy, failure: Failure
) -> None:
    for name in ("hello_stream", "err_403", "write_default_denied"):
        conclusion = reader_of(name).conclude(Executed(ended_by=ended_by, exit_code=0))

        assert conclusion.failure is failure


def test_a_process_that_would_not_leave_after_its_result_keeps_its_result() -> None:
    stopped = Executed(ended_by=EndedBy.GRACE, signal="SIGTERM")

    conclusion = reader_of("hello_stream").conclude(stopped)

    assert conclusion.failure is None
    assert conclusion.claimed.text == "Hello from the stub."
    assert reader_of("err_403").conclude(stopped).failure is Failure.AUTHENTICATION


def test_an_ignored_schema_is_a_violation_although_everything_says_success() -> None:
    name = "json_schema_ignored"
    conclusion = reader_of(name).conclude(executed(name))

    outcome = settle(spec_of(name), executed(name), conclusion, Changes())

    assert conclusion.failure is Failure.SCHEMA_VIOLATION
    assert outcome.failure is Failure.SCHEMA_VIOLATION
    assert outcome.verified.schema == "invalid"


def test_structured_output_is_kept_as_it_was_given() -> None:
    for name in ("json_schema_ok", "json_schema_ok_json"):
        claimed = reader_of(name).conclude(executed(name)).claimed

        assert claimed.structured == {"name": "x", "n": 3}


@settings(max_examples=100, deadline=None)
@given(name=st.sampled_from(sorted(TABLE)), data=st.data())
def test_bytes_in_any_pieces_give_the_same_events(name: str, data: st.DataObject) -> None:
    raw = stdout_of(name)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    whole, pieces = ClaudeReader(spec_of(name)), ClaudeReader(spec_of(name))

    expected = list(whole.feed("stdout", raw))
    got = [
        event
        for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)
        for event in pieces.feed("stdout", raw[start:end])
    ]

    assert got == expected
    assert pieces.conclude(executed(name)) == whole.conclude(executed(name))
    assert pieces.activity == whole.activity


WITH_RESULT = sorted(name for name in TABLE if TABLE[name].results)


@settings(max_examples=100, deadline=None)
@given(name=st.sampled_from(WITH_RESULT), data=st.data())
def test_a_run_cut_before_its_first_result_is_no_success_whatever_its_status(
    name: str, data: st.DataObject
) -> None:
    lines = stdout_of(name).splitlines(keepends=True)
    first = next(at for at, line in enumerate(lines) if b'"num_turns"' in line)
    before = b"".join(lines[: first + 1]).rstrip(b"\n")
    reader = ClaudeReader(spec_of(name))
    reader.feed("stdout", before[: data.draw(st.integers(0, len(before) - 1))])

    conclusion = reader.conclude(Executed(ended_by=EndedBy.EXIT, exit_code=0))

    assert conclusion.failure is Failure.NO_RESULT
    assert conclusion.cost_usd is None


def test_concluding_twice_says_the_same() -> None:
    reader = ClaudeReader(spec_of("hello_stream"))
    reader.feed("stdout", stdout_of("hello_stream").rstrip(b"\n"))

    first = reader.conclude(executed("hello_stream"))

    assert first.failure is None  # a last line without a newline counts
    assert reader.conclude(executed("hello_stream")) == first
