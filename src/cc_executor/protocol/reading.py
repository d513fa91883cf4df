"""The other end of a stream: from a server's messages back to the events that it was made of."""

from __future__ import annotations

import struct
from typing import Any, Final

import msgspec

from cc_executor.errors import MalformedMessage, StreamBroken
from cc_executor.model.events import Cursor, FromAgent, Lifecycle, Other, Output, StreamEvent
from cc_executor.model.ids import attempt_id
from cc_executor.protocol.cursors import Place
from cc_executor.protocol.faults import Fault
from cc_executor.protocol.framing import BINARY_HEAD
from cc_executor.protocol.jsonrpc import Id
from cc_executor.protocol.notifications import (
    LIFECYCLE_NOUNS,
    PROGRESS,
    AgentTold,
    LifecycleTold,
    ProcessOutput,
    StreamEnded,
    StreamKeepalive,
    StreamLagged,
)

# --- messages ------------------------------------------------------------------------------------


class Answered(msgspec.Struct, frozen=True):
    """The answer to a request.

    Attributes:
        result: JSON of the result; meaningless with a fault.
        fault: Why there is none.
    """

    id: Id
    result: msgspec.Raw
    fault: Fault | None


class Told(msgspec.Struct, frozen=True):
    """A notification.

    Attributes:
        params: JSON of its parameters.
        raw: The bytes that it tells of, where it came as a binary message.
    """

    method: str
    params: msgspec.Raw
    raw: bytes | None = None


class _Message(msgspec.Struct):
    id: Id = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Fault | None = None


#: What reading what is no JSON, or not of the shape, ends with.
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
_MESSAGE: Final = msgspec.json.Decoder(_Message)
_BATCH: Final = msgspec.json.Decoder(list[_Message])


def incoming(data: bytes | str) -> list[Answered | Told]:
    """Return what a server says in one message; several things only for a batch.

    A server is trusted to write JSON: this reads several times faster than `jsonrpc.decode`.

    Raises:
        MalformedMessage: It is not what a server says.
    """
    if isinstance(data, bytes) and data[:1] == b"\0":  # no JSON begins so
        return [_binary(data)]
    is_batch = data[:1] in ("[", b"[")
    try:
        messages = _BATCH.decode(data) if is_batch else [_MESSAGE.decode(data)]
    except _UNREADABLE as error:
        raise MalformedMessage(f"from the server cannot be read: {error}") from None
    return [
        Answered(message.id, message.result, message.error)
        if message.method is None
        else Told(message.method, message.params)
        for message in messages
    ]


def _binary(data: bytes) -> Told:
    """Return what a binary message tells of: a notification, and bytes beside it."""
    begin = BINARY_HEAD.size
    try:
        end = begin + BINARY_HEAD.unpack_from(data)[0]
        message = _MESSAGE.decode(memoryview(data)[begin:end])
    except (struct.error, *_UNREADABLE) as error:
        raise MalformedMessage(f"from the server cannot be read: {error}") from None
    if message.method is None or end > len(data):
        raise MalformedMessage("from the server is binary and tells of nothing")
    return Told(message.method, message.params, data[end:])


# --- streams -------------------------------------------------------------------------------------

_OUTPUT: Final = msgspec.json.Decoder(ProcessOutput)
_LIFECYCLE: Final = msgspec.json.Decoder(LifecycleTold)
_AGENT: Final = msgspec.json.Decoder(AgentTold)

#: What a server says about a stream itself.
StreamNote = StreamLagged | StreamKeepalive | StreamEnded

_NOTES: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    "stream.lagged": msgspec.json.Decoder(StreamLagged),
    "stream.keepalive": msgspec.json.Decoder(StreamKeepalive),
    "stream.ended": msgspec.json.Decoder(StreamEnded),
}


class _Subscribed(msgspec.Struct):
    subscription: str | None = None


_SUBSCRIBED: Final = msgspec.json.Decoder(_Subscribed)


def subscription_of(told: Told) -> str | None:
    """Return the subscription that a notification belongs to, None when it belongs to none.

    Raises:
        MalformedMessage: Its parameters are not those of a notification.
    """
    try:
        return _SUBSCRIBED.decode(told.params).subscription
    except _UNREADABLE as error:
        raise MalformedMessage(f"{told.method} cannot be read: {error}") from None


class StreamReader:
    """Reads the notifications of one stream, over as many subscriptions as it takes.

    What comes twice, because a connection was lost in between, is read once.

    Args:
        after: Where the stream begins.
    """

    def __init__(self, after: Cursor | None = None) -> None:
        self._place = Place(after or Cursor())
        self._offsets: dict[str, int] = {}
        self._told: dict[str, tuple[int, int]] = {}

    @property
    def cursor(self) -> Cursor:
        """Where to go on: everything before it has been returned."""
        return self._place.cursor

    def read(self, told: Told) -> StreamEvent | StreamNote | None:
        """Return what a notification tells of; None for what has been told already.

        Raises:
            MalformedMessage: It has not the shape that its name promises.
            StreamBroken: A piece of the output before it is missing.
        """
        try:
            return self._read(told)
        except _UNREADABLE as error:
            raise MalformedMessage(f"{told.method} cannot be read: {error}") from None

    def _read(self, told: Told) -> StreamEvent | StreamNote | None:
        if told.method == "process.output":
            return self._output(_OUTPUT.decode(told.params), told.raw)
        if told.method == "agent.event":
            return self._agent(_agent_told(told.params))
        if told.method in _NOTES:
            note: StreamNote = _NOTES[told.method].decode(told.params)
            return note
        if told.method.startswith(LIFECYCLE_NOUNS) and told.method != PROGRESS:
            return self._lifecycle(_LIFECYCLE.decode(told.params))
        return None  # made of events that are told as well, or of a later version

    def _output(self, told: ProcessOutput, raw: bytes | None) -> Output | None:
        of_attempt = attempt_id(told.task_id, told.attempt)
        data = _bytes_of(told) if raw is None else raw
        expected = self._offsets.get(of_attempt, told.offset)
        if told.offset > expected:
            raise StreamBroken(of_attempt, expected=expected, offset=told.offset)
        new = data[expected - told.offset :]
        self._offsets[of_attempt] = expected + len(new)
        self._place.chunk(of_attempt, told.seq)
        if not new:
            return None
        return Output(
            task_id=told.task_id,
            attempt=told.attempt,
            seq=told.seq,
            offset=expected,
            at=told.at,
            stream=told.type,
            data=new,
        )

    def _agent(self, told: AgentTold) -> FromAgent | None:
        of_attempt = attempt_id(told.task_id, told.attempt)
        name = (told.seq, told.index)
        if name <= self._told.get(of_attempt, (-1, -1)):
            return None
        self._told[of_attempt] = name
        return FromAgent(
            task_id=told.task_id,
            attempt=told.attempt,
            seq=told.seq,
            at=told.at,
            event=told.event,
        )

    def _lifecycle(self, told: LifecycleTold) -> Lifecycle | None:
        if told.seq <= self._place.seq:
            return None
        event = Lifecycle(
            seq=told.seq,
            at=told.at,
            execution_id=told.execution_id,
            kind=told.kind,
            task_id=told.task_id,
            attempt=told.attempt,
            data=told.data,
        )
        self._place.event(event)
        if event.kind == "attempt.ended" and event.task_id is not None:
            of_attempt = attempt_id(event.task_id, event.attempt or 0)
            self._offsets.pop(of_attempt, None)
            self._told.pop(of_attempt, None)
        return event


def _bytes_of(told: ProcessOutput) -> bytes:
    if isinstance(told.data, str):
        return told.data.encode()
    if isinstance(told.data_base64, bytes):
        return told.data_base64
    raise MalformedMessage("process.output has neither `data` nor `data_base64`")


def _agent_told(params: msgspec.Raw) -> AgentTold:
    """Return the event; one of a kind that is unknown here is passed on as what it is."""
    try:
        return _AGENT.decode(params)
    except msgspec.ValidationError:
        fields = msgspec.json.decode(params)
        if not isinstance(fields, dict) or not isinstance(fields.get("event"), dict):
            raise
        kind = fields["event"].get("type")
        fields["event"] = msgspec.to_builtins(Other(kind=str(kind)))
        return msgspec.convert(fields, AgentTold)
