from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.errors import MalformedMessage, StreamBroken
from cc_executor.model.events import (
    Cursor,
    FromAgent,
    Lifecycle,
    Message,
    Other,
    Output,
    StreamEvent,
)
from cc_executor.model.ids import attempt_id
from cc_executor.protocol.coalescing import whole_characters
from cc_executor.protocol.framing import MAX_OUTPUT_BYTES, Framer, Notice
from cc_executor.protocol.notifications import ProcessOutput, StreamEnded
from cc_executor.protocol.reading import StreamReader, Told, incoming, subscription_of
from tests.protocol.streams import EXECUTION, TEXTS, Writer, after, executions, framed

FLUSHES = st.lists(st.booleans(), max_size=40)
SIZES = st.sampled_from([4, 5, 8, 64 * 1024])
HOW: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"max_bytes": SIZES, "binary": st.booleans()}
)


def output_of(events: Iterable[StreamEvent]) -> dict[str, bytes]:
    """Return the bytes by attempt and stream."""
    found: dict[str, bytes] = {}
    for event in events:
        if isinstance(event, Output):
            of = f"{attempt_id(event.task_id, event.attempt)} {event.stream}"
            found[of] = found.get(of, b"") + event.data
    return found


def others_of(events: Iterable[StreamEvent]) -> list[StreamEvent]:
    """Return what is told as it is, by attempt: agent events may overtake bytes, not each other."""
    kept = [event for event in events if not isinstance(event, Output)]
    return sorted(kept, key=lambda event: (event.task_id or "", getattr(event, "attempt", 0) or 0))


def read_all(reader: StreamReader, notices: Iterable[Notice]) -> list[StreamEvent]:
    events: list[StreamEvent] = []
    for notice in notices:
        for told in incoming(notice.encode()):
            assert isinstance(told, Told)
            event = reader.read(told)
            if isinstance(event, Lifecycle | Output | FromAgent):
                events.append(event)
    return events


def outputs(notices: Iterable[Notice]) -> list[ProcessOutput]:
    return [notice.params for notice in notices if isinstance(notice.params, ProcessOutput)]


# --- laws ----------------------------------------------------------------------------------------


@given(executions(), FLUSHES, HOW)
def test_a_reader_gets_every_byte_every_event_and_the_cursor_of_the_end(
    events: list[StreamEvent], flushes: list[bool], how: dict[str, Any]
) -> None:
    framer, reader = Framer("s", EXECUTION, **how), StreamReader()

    read = read_all(reader, framed(framer, events, flushes))

    assert output_of(read) == output_of(events)
    assert others_of(read) == others_of(events)
    assert reader.cursor == framer.cursor == Cursor(seq=events[-1].seq)


@given(executions(), FLUSHES, HOW, st.data())
def test_after_any_message_the_rest_can_be_had_by_another_subscription(
    events: list[StreamEvent], flushes: list[bool], how: dict[str, Any], data: st.DataObject
) -> None:
    notices = framed(Framer("s", EXECUTION, **how), events, flushes)
    reader = StreamReader()
    cut = data.draw(st.integers(0, len(notices)))
    read = read_all(reader, notices[:cut])

    again = Framer("t", EXECUTION, after=reader.cursor, **data.draw(HOW))
    rest = framed(again, list(after(reader.cursor, events)), data.draw(FLUSHES))
    read += read_all(reader, rest)

    assert output_of(read) == output_of(events)
    assert others_of(read) == others_of(events)
    assert reader.cursor == again.cursor


@given(executions(), FLUSHES, HOW, st.data())
def test_a_new_reader_with_the_cursor_of_any_message_gets_exactly_what_comes_after_it(
    events: list[StreamEvent], flushes: list[bool], how: dict[str, Any], data: st.DataObject
) -> None:
    notices = framed(Framer("s", EXECUTION, **how), events, flushes)
    cursor = data.draw(st.sampled_from(notices)).cursor

    rest = list(after(cursor, events))
    reader = StreamReader(cursor)
    read = read_all(reader, framed(Framer("t", EXECUTION, after=cursor, **how), rest))

    assert output_of(read) == output_of(rest)
    assert others_of(read) == others_of(rest)
    assert reader.cursor == Cursor(seq=events[-1].seq)


@given(executions(), FLUSHES, HOW)
def test_each_notice_says_the_cursor_that_a_reader_of_it_has(
    events: list[StreamEvent], flushes: list[bool], how: dict[str, Any]
) -> None:
    reader = StreamReader()
    for notice in framed(Framer("s", EXECUTION, **how), events, flushes):
        read_all(reader, [notice])
        assert reader.cursor == notice.cursor


@given(executions(), FLUSHES, SIZES)
def test_no_message_claims_a_chunk_that_is_not_complete_with_it(
    events: list[StreamEvent], flushes: list[bool], size: int
) -> None:
    ends = {
        (event.task_id, event.attempt, event.seq): event.offset + len(event.data)
        for event in events
        if isinstance(event, Output)
    }
    for told in outputs(framed(Framer("s", EXECUTION, max_bytes=size), events, flushes)):
        sent = told.offset + len(_bytes(told))
        assert len(_bytes(told)) <= size
        assert told.seq == -1 or ends[told.task_id, told.attempt, told.seq] <= sent
        following = ends.get((told.task_id, told.attempt, told.seq + 1))
        assert following is None or following > sent


@given(st.lists(TEXTS, min_size=1, max_size=6), st.data(), SIZES, FLUSHES)
def test_what_is_utf8_arrives_as_text_however_it_was_cut(
    texts: list[bytes], data: st.DataObject, size: int, flushes: list[bool]
) -> None:
    writer, blob = Writer(), b"".join(texts)
    while blob:
        length = data.draw(st.integers(1, len(blob)))
        writer.write(1, 1, blob[:length])
        blob = blob[length:]

    told = outputs(framed(Framer("s", EXECUTION, max_bytes=size), writer.events, flushes))

    assert (
        "".join(one.data for one in told if isinstance(one.data, str)) == b"".join(texts).decode()
    )
    assert all(one.data_base64 is msgspec.UNSET for one in told)


@given(st.binary(max_size=8))
def test_what_is_held_back_is_the_beginning_of_a_character_or_nothing(data: bytes) -> None:
    length = whole_characters(data)
    tail = data[length:]

    assert len(tail) < 4
    if tail:
        assert tail[0] >= 0xC0
        assert all(0x80 <= byte < 0xC0 for byte in tail[1:])


@given(st.text(min_size=1, max_size=4))
def test_a_text_that_is_cut_in_a_character_is_cut_before_it(text: str) -> None:
    raw = text.encode()
    for cut in range(len(raw)):
        assert raw[: whole_characters(raw[:cut])].decode() == raw[:cut].decode(errors="ignore")


# --- cases ---------------------------------------------------------------------------------------


def chunks(*pieces: bytes, stream: str = "stdout") -> list[StreamEvent]:
    writer = Writer()
    for piece in pieces:
        writer.write(1, 1, piece, stream)
    return writer.events


def sent(events: Sequence[StreamEvent], framer: Framer | None = None) -> list[Notice]:
    framer = framer or Framer("s", EXECUTION)
    return [notice for event in events for notice in framer.feed(event)]


def test_lines_that_follow_on_each_other_go_out_together() -> None:
    framer = Framer("s", EXECUTION)

    assert sent(chunks(b"one\n", b"two\n", b"three\n"), framer) == []
    assert framer.is_holding
    (told,) = outputs(framer.flush())

    assert (told.data, told.offset, told.seq) == ("one\ntwo\nthree\n", 0, 2)
    assert not framer.is_holding


def test_64_kib_go_out_without_being_asked_for() -> None:
    line = b"x" * 1023 + b"\n"

    notices = sent(chunks(*[line] * 129))

    assert [len(told.data or "") for told in outputs(notices)] == [MAX_OUTPUT_BYTES] * 2
    assert [told.seq for told in outputs(notices)] == [63, 127]


def test_a_chunk_that_is_larger_than_a_message_counts_as_sent_with_its_last_piece() -> None:
    framer = Framer("s", EXECUTION)
    chunk = b"y" * (3 * MAX_OUTPUT_BYTES)

    told = outputs([*sent(chunks(b"first", chunk), framer), *framer.flush()])

    assert [one.seq for one in told] == [0, 0, 0, 1]
    assert [one.offset for one in told] == [0, 5, 5 + 65536, 5 + 2 * 65536]


def test_half_a_character_waits_for_the_other_half() -> None:
    framer = Framer("s", EXECUTION)
    first, second = "né".encode()[:2], "né".encode()[2:]
    events = chunks(first, second)

    sent(events[:1], framer)
    (told,) = outputs(framer.flush())
    assert (told.data, told.seq, framer.cursor) == ("n", -1, Cursor())
    assert framer.flush() == []
    assert not framer.is_holding

    sent(events[1:], framer)
    (told,) = outputs(framer.flush())
    assert (told.data, told.offset, told.seq) == ("é", 1, 1)


def test_a_binary_message_is_a_length_a_notification_and_the_bytes_as_they_are() -> None:
    framer = Framer("s", EXECUTION, binary=True)

    assert sent(chunks(b"\xff\x00 n\xc3"), framer) == []
    assert framer.is_holding
    (notice,) = framer.flush()

    message = notice.encode()
    end = 4 + int.from_bytes(message[:4], "big")
    said = msgspec.json.decode(message[4:end])
    assert said["method"] == "process.output"
    assert (said["params"]["offset"], said["params"]["seq"]) == (0, 0)
    assert not {"data", "data_base64"} & said["params"].keys()
    assert message[end:] == b"\xff\x00 n\xc3"
    assert not framer.is_holding


@pytest.mark.parametrize(
    "message",
    [
        b"\x00",
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x05{}",
        b"\x00\x00\x00\x02{}bytes",
        b'\x00\x00\x00\x0f{"method":"m"',
        b"\x00\xff\xff\xff{}",
    ],
)
def test_what_is_no_binary_message_is_malformed(message: bytes) -> None:
    with pytest.raises(MalformedMessage):
        incoming(message)


def test_half_a_character_that_has_no_other_half_is_sent_as_it_is() -> None:
    writer = Writer()
    writer.write(1, 1, b"ok \xe6\xbc")
    writer.write(1, 1, b"error", stream="stderr")
    writer.write(1, 1, b"\xa2")
    writer.move("attempt.ended", 1, 1)

    told = outputs(sent(writer.events))

    assert [(one.type, one.data, one.data_base64) for one in told] == [
        ("stdout", "ok ", msgspec.UNSET),
        ("stdout", msgspec.UNSET, b"\xe6\xbc"),
        ("stderr", "error", msgspec.UNSET),
        ("stdout", msgspec.UNSET, b"\xa2"),
    ]
    assert [one.seq for one in told] == [-1, 0, 1, 2]


def test_bytes_that_are_no_text_do_not_spoil_the_text_after_them() -> None:
    framer = Framer("s", EXECUTION, max_bytes=8)
    text = "漢字漢字漢字".encode()

    told = outputs(framed(framer, chunks(b"\xff\xfe", text[:7], text[7:])))

    assert [isinstance(one.data, str) for one in told] == [False, True, True, True]


def test_json_carries_bytes_as_base64_and_text_as_it_is() -> None:
    framer = Framer("s", EXECUTION)

    (notice,) = framed(framer, chunks(b"\xff\x00"))
    wire = msgspec.json.decode(notice.encode())

    assert wire["jsonrpc"] == "2.0"
    assert "id" not in wire
    assert wire["method"] == "process.output"
    assert wire["params"] == {
        "subscription": "s",
        "execution_id": "e",
        "task_id": "e.1",
        "attempt": 1,
        "at": 0.0,
        "type": "stdout",
        "seq": 0,
        "offset": 0,
        "truncated": False,
        "data_base64": "/wA=",
    }


def test_the_worst_text_fits_the_message_size_that_clients_take() -> None:
    (notice,) = framed(Framer("s", EXECUTION), chunks(b"\x01" * MAX_OUTPUT_BYTES))

    assert len(notice.encode()) < 1024 * 1024


def test_what_was_read_in_a_chunk_is_told_before_the_chunk_counts_as_seen() -> None:
    writer = Writer()
    seq = writer.write(1, 1, b'{"type":"assistant"}\n')
    writer.tell(1, 1, seq, "one")
    writer.tell(1, 1, seq, "two")

    notices = framed(Framer("s", EXECUTION), writer.events)

    assert [notice.method for notice in notices] == ["agent.event", "agent.event", "process.output"]
    assert [notice.cursor.chunks for notice in notices] == [{}, {}, {"e.1.1": 0}]


def test_a_subscription_to_one_task_tells_of_it_and_of_the_whole() -> None:
    writer = Writer()
    writer.move("execution.submitted")
    for task in (1, 2):
        writer.move("attempt.starting", task, 1)
    for task in (1, 2):
        writer.write(task, 1, b"output of %d" % task)
        writer.tell(task, 1, 0, "said")
        writer.move("attempt.ended", task, 1)
    writer.move("execution.succeeded")

    framer, reader = Framer("s", EXECUTION, task_id="e.2"), StreamReader()
    read = read_all(reader, framed(framer, writer.events))

    assert {event.task_id for event in read} == {None, "e.2"}
    assert output_of(read) == {"e.2.1 stdout": b"output of 2"}
    assert framer.cursor == reader.cursor == Cursor(seq=writer.seq)


def test_what_a_subscription_does_not_tell_of_still_counts_as_passed() -> None:
    writer = Writer()
    writer.move("attempt.starting", 1, 1)
    framer = Framer("s", EXECUTION, task_id="e.2")

    assert framer.feed(writer.events[0]) == []
    assert framer.cursor == Cursor(seq=1)


# --- reading -------------------------------------------------------------------------------------


def told(method: str, params: object) -> Told:
    return Told(method, msgspec.Raw(msgspec.json.encode(params)))


def test_a_piece_that_is_missing_is_noticed() -> None:
    one, two, three = (
        msgspec.json.decode(notice.encode())["params"]
        for piece in chunks(b"one", b"two", b"three")
        for notice in framed(Framer("s", EXECUTION), [piece])
    )
    reader = StreamReader()
    reader.read(told("process.output", one))

    with pytest.raises(StreamBroken, match=r"e\.1\.1 goes on at byte 6, not at 3"):
        reader.read(told("process.output", three))
    assert reader.cursor == Cursor(chunks={"e.1.1": 0})
    assert isinstance(reader.read(told("process.output", two)), Output)


def test_what_comes_twice_is_read_once() -> None:
    writer = Writer()
    writer.move("attempt.starting", 1, 1)
    seq = writer.write(1, 1, b"line")
    writer.tell(1, 1, seq, "said")
    notices = framed(Framer("s", EXECUTION), writer.events)

    assert len(read_all(StreamReader(), notices * 3)) == len(notices) == 3


def test_an_agent_event_of_a_kind_that_is_unknown_here_is_passed_on() -> None:
    event = {
        "subscription": "s",
        "execution_id": "e",
        "task_id": "e.1",
        "attempt": 1,
        "at": 1.0,
        "seq": 0,
        "index": 0,
        "event": {"type": "agent.of_tomorrow", "mood": "good"},
    }

    read = StreamReader().read(told("agent.event", event))

    assert isinstance(read, FromAgent)
    assert read.event == Other(kind="agent.of_tomorrow")


def test_what_a_server_says_of_the_stream_itself_is_read_too() -> None:
    ended = StreamEnded(subscription="s", execution_id="e", cursor=Cursor(seq=3), reason="final")

    assert StreamReader().read(told("stream.ended", ended)) == ended


@pytest.mark.parametrize("name", ["process.completed", "error.any", "connected", "hook.warning"])
def test_what_is_told_besides_the_events_is_no_event(name: str) -> None:
    assert StreamReader().read(told(name, {"any": "thing"})) is None


def test_the_subscription_of_a_notification_is_known_before_it_is_read() -> None:
    (notice,) = framed(Framer("s7", EXECUTION), chunks(b"x"))
    (one,) = incoming(notice.encode())

    assert isinstance(one, Told)
    assert subscription_of(one) == "s7"
    assert subscription_of(told("connected", {"session_id": "x"})) is None


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("process.output", {}),
        ("process.output", {"type": "stdin"}),
        ("agent.event", {"event": 3}),
        ("agent.event", [1]),
        ("task.started", {"seq": "one"}),
        ("stream.ended", {"subscription": "s"}),
    ],
)
def test_what_has_not_the_shape_that_its_name_promises_is_refused(
    method: str, params: object
) -> None:
    with pytest.raises(MalformedMessage):
        StreamReader().read(told(method, params))


@pytest.mark.parametrize("params", [b"", b"{", b"\xff", b'{"subscription": 5}', b'{"a":' * 100_000])
def test_a_notification_that_cannot_be_read_has_no_subscription(params: bytes) -> None:
    with pytest.raises(MalformedMessage):
        subscription_of(Told("process.output", msgspec.Raw(params)))


def test_output_without_bytes_is_refused() -> None:
    (notice,) = framed(Framer("s", EXECUTION), chunks(b"x"))
    params = msgspec.json.decode(notice.encode())["params"]
    del params["data"]

    with pytest.raises(MalformedMessage, match="neither"):
        StreamReader().read(told("process.output", params))


def test_half_a_character_in_an_agents_words_does_not_break_the_stream() -> None:
    event = FromAgent(task_id="e.1", attempt=1, seq=0, at=1.0, event=Message(text="half \ud83d"))

    (notice,) = Framer("s", EXECUTION).feed(event)

    assert "half \ufffd" in notice.encode().decode()


def _bytes(told: ProcessOutput) -> bytes:
    if isinstance(told.data, str):
        return told.data.encode()
    assert isinstance(told.data_base64, bytes)
    return told.data_base64
