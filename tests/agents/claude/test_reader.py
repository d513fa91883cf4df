"""P7, U8: whatever a process prints, reading it is no error and has a bound."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_executor.agents.claude.reader import MAX_LINE_BYTES, ClaudeReader
from cc_executor.model.events import Other
from cc_executor.model.failures import Failure
from cc_executor.model.outcomes import EndedBy, Executed
from cc_executor.model.specs import TaskSpec
from tests.agents.claude_runs import stdout_of

MIB = 1024 * 1024
WELL = Executed(ended_by=EndedBy.EXIT, exit_code=0)
HELLO = stdout_of("hello_stream")

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
#: The names that the dialect looks for, with values that nobody expects.
NAMES = st.sampled_from(
    [
        "type",
        "subtype",
        "message",
        "content",
        "id",
        "model",
        "tools",
        "session_id",
        "error",
        "is_error",
        "result",
        "errors",
        "usage",
        "permission_denials",
        "structured_output",
        "terminal_reason",
        "total_cost_usd",
        "result_index",
        "modelUsage",
        "model_usage_since_last_result",
        "rate_limit_info",
        "tasks",
        "task_id",
        "event",
        "delta",
        "tool_use_id",
        "origin",
        "retry_delay_ms",
        "queued_turn_count",
        "tool_use_result",
        "num_turns",
        "parent_tool_use_id",
        "patch",
    ]
)
KINDS = st.sampled_from(
    [
        ("system", "init"),
        ("system", "api_retry"),
        ("system", "background_tasks_changed"),
        ("system", "task_updated"),
        ("system", "permission_denied"),
        ("assistant", None),
        ("user", None),
        ("result", "success"),
        ("rate_limit_event", None),
        ("stream_event", None),
    ]
)


@st.composite
def odd_messages(draw: st.DrawFn) -> bytes:
    message = draw(st.dictionaries(NAMES, JSON_VALUES, max_size=8))
    kind, subtype = draw(KINDS)
    return json.dumps({**message, "type": kind, "subtype": subtype}).encode()


@settings(max_examples=200, deadline=None)
@given(st.lists(odd_messages() | st.binary(max_size=200), max_size=6))
def test_no_line_is_an_error_and_none_hides_the_result_after_it(lines: list[bytes]) -> None:
    reader = ClaudeReader(TaskSpec(prompt="x"))
    noise = b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines)

    reader.feed("stdout", noise)
    reader.feed("stderr", noise)
    assert not (reader.activity.finished and reader.activity.hold)
    reader.feed("stdout", HELLO)

    assert reader.conclude(WELL).claimed.text == "Hello from the stub."


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2_000))
def test_garbage_alone_is_never_a_success(garbage: bytes) -> None:
    reader = ClaudeReader(TaskSpec(prompt="x"))

    reader.feed("stdout", garbage)

    assert reader.conclude(WELL).failure is Failure.NO_RESULT


def one_line(size_bytes: int) -> Iterator[bytes]:
    yield b'{"type":"user","message":{"content":[{"type":"tool_result","content":"'
    chunk = b"x" * (256 * 1024)
    for _ in range(size_bytes // len(chunk)):
        yield chunk
    yield b'"}]}}\n'


def test_a_line_of_100_mb_is_passed_over_in_bounded_memory() -> None:
    reader = ClaudeReader(TaskSpec(prompt="x"))
    tracemalloc.start()
    try:
        events = [
            event for chunk in one_line(100 * MIB) for event, _ in reader.feed("stdout", chunk)
        ]
        _, peak_bytes = tracemalloc.get_traced_memory()
        reader.feed("stdout", HELLO)
        after_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert events == [Other(kind="oversized")]
    assert peak_bytes < 3 * MAX_LINE_BYTES
    assert after_bytes < MIB  # and the memory is given back
    assert reader.conclude(WELL).failure is None


def test_a_long_line_within_the_bound_is_read_without_building_what_nobody_asks_for() -> None:
    reader = ClaudeReader(TaskSpec(prompt="x"))
    files = json.dumps({"originalFile": ["line"] * 200_000})
    line = f'{{"type":"user","tool_use_result":{files},"message":{{"content":[]}}}}\n'.encode()
    tracemalloc.start()
    try:
        reader.feed("stdout", line)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 6 * len(line)


def test_a_result_too_long_to_be_read_is_no_success_and_says_so() -> None:
    reader = ClaudeReader(TaskSpec(prompt="x"))
    reader.feed("stdout", b'{"type":"result","subtype":"success","is_error":false,"result":"')
    for _ in range(MAX_LINE_BYTES // MIB + 1):
        reader.feed("stdout", b"x" * MIB)
    reader.feed("stdout", b'"}\n')

    conclusion = reader.conclude(WELL)

    assert conclusion.failure is Failure.NO_RESULT
    assert "too long" in (conclusion.message or "")


@pytest.mark.parametrize(
    "message",
    [
        {
            "type": "assistant",
            "message": {"id": "m", "content": [{"type": "tool_use", "id": "%d"}]},
        },
        {"type": "system", "subtype": "permission_denied", "tool_name": "T", "tool_use_id": "%d"},
        {"type": "system", "subtype": "task_started", "is_backgrounded": True, "task_id": "%d"},
        {
            "type": "result",
            "subtype": "success",
            "is_error": False,
            "result": "%d",
            "errors": ["%d"],
        },
        {"type": "system", "subtype": "init", "session_id": "%d"},
        {"type": "news of tomorrow %d"},
    ],
)
def test_messages_without_end_are_kept_in_bounded_memory(message: object) -> None:
    reader = ClaudeReader(TaskSpec(prompt="x"))
    template = json.dumps(message).encode() + b"\n"

    def feed(first: int, last: int) -> None:
        for number in range(first, last):
            reader.feed("stdout", template.replace(b"%d", b"%d" % number))

    feed(0, 2_000)
    tracemalloc.start()
    try:
        feed(2_000, 6_000)
        grown_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert grown_bytes < 300_000  # what is kept is replaced, not added to


def test_stderr_without_end_is_kept_in_bounded_memory() -> None:
    reader = ClaudeReader(TaskSpec(prompt="x"))
    tracemalloc.start()
    try:
        for _ in range(1_000):
            reader.feed("stderr", b"noise " * 10_000)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < MIB


def test_stdout_and_stderr_are_never_mixed() -> None:
    reader = ClaudeReader(TaskSpec(prompt="x"))
    half = len(HELLO) // 2

    reader.feed("stdout", HELLO[:half])
    reader.feed("stderr", b"a warning\n")
    reader.feed("stdout", HELLO[half:])

    assert reader.conclude(WELL).failure is None
