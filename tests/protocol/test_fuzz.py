"""Mutated messages, as many as there is time for: `make fuzz` runs millions, the tests some.

Each case has an oracle. What is taken means the same to another reader of JSON; what is no JSON
here is none there; whatever is answered is a message; nothing but refusals is ever raised.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest

from cc_executor.errors import InvalidParams, MalformedMessage, StreamBroken, UnknownMethod
from cc_executor.model.events import Output
from cc_executor.protocol import jsonrpc, strict_json
from cc_executor.protocol.framing import Framer
from cc_executor.protocol.jsonrpc import Call, Invalid, Limits, Request, Response, Single, decode
from cc_executor.protocol.methods import METHODS, execute, method_named, read_params
from cc_executor.protocol.notifications import NOTIFICATIONS
from cc_executor.protocol.reading import StreamReader, Told, incoming, subscription_of
from tests.protocol.negative_cases import CASES
from tests.protocol.streams import EXECUTION, Writer, framed

COUNT: Final = int(os.environ.get("CC_EXECUTOR_FUZZ_CASES", "20000"))
SEED: Final = int(os.environ.get("CC_EXECUTOR_FUZZ_SEED", "0"))
LIMITS: Final = Limits(max_depth=8, max_batch=4, max_values=200)

GOOD: Final = [
    b'{"jsonrpc":"2.0","id":1,"method":"execute","params":{"command":"echo hi","env":{"A":"b"}}}',
    b'{"jsonrpc":"2.0","id":"x","method":"execute","params":[["a","b"],null,null,30.5]}',
    b'{"jsonrpc":"2.0","id":2,"method":"control","params":{"type":"CANCEL","task_id":"e.1"}}',
    b'{"jsonrpc":"2.0","id":-3,"method":"stream.subscribe","params":{"after":{"seq":4}}}',
    b'{"jsonrpc":"2.0","id":7,"method":"stream.ack","params":["s",{"chunks":{"e.1.1":7}}]}',
    b'{"jsonrpc":"2.0","id":null,"method":"execution.list","params":{"states":["lost"],"limit":5}}',
    '{"jsonrpc":"2.0","method":"m","params":["漢\\u0041\\ud83d\\ude00 é😀\\"\\\\"]}'.encode(),
    b'[{"jsonrpc":"2.0","id":1,"method":"status"},{"jsonrpc":"2.0","method":"status"}]',
    b'{"jsonrpc":"2.0","id":1,"result":{"a":[1,2.5e3,true,false,null,-0]}}',
]
TOKENS: Final = [
    *(bytes([byte]) for byte in b'[]{}:,"\\ \n\t\r\x00-+.eE0123456789\x7f\x80\xc3\xe6\xed\xf0\xff'),
    *(b"true", b"false", b"null", b"NaN", b"Infinity", b"1e999", b"1e-999", b"0.1", b"00", b"-"),
    *(b'"jsonrpc":"2.0"', b'"id":1', b'"method":"status"', b'"params":{}', b'"result":1', b'""'),
    *(
        b"\\ud800",
        b"\\udc00",
        b"\\u0000",
        b"\\u005c",
        b'\\"',
        b"\\\\",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
    ),
    *(
        b"[" * 9,
        b"]" * 9,
        b'{"a":' * 9,
        b"9" * 30,
        b"9" * 1001,
        b'"a":1,"a":2',
        b"[[],[]]",
        b"1," * 210,
    ),
    *(f'"{name}"'.encode() for name in METHODS),
]
SEEDS: Final = [*GOOD * 8, *(case.message for case in CASES if len(case.message) < 400)]


def mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    """Return one of the seeds with some accidents."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 5, 8))):
        at = chance.randrange(len(data) + 1)
        to = min(len(data), at + chance.choice((0, 1, 1, 2, 4, 16)))
        match chance.randrange(5):
            case 0:
                data[at:to] = chance.choice(TOKENS)
            case 1:
                del data[at:to]
            case 2:
                data[at:at] = data[at:to] * chance.choice((1, 2, 9))
            case 3 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case _:
                other = chance.choice(seeds)
                data[at:to] = other[chance.randrange(len(other) + 1) :]
    return bytes(data)


def share(part: float) -> Iterator[random.Random]:
    """Yield as many sources of chance as there are cases, each known by its number."""
    for number in range(int(COUNT * part) or 1):
        yield random.Random(f"{SEED}/{number}")


def calls_of(data: bytes) -> tuple[Call, ...]:
    decoded = decode(data, LIMITS)
    return (decoded.call,) if isinstance(decoded, Single) else decoded.calls


def value_elsewhere(data: bytes) -> Any:
    """Return what another strict reader sees.

    Raises:
        ValueError: It sees no JSON.
    """
    try:
        return msgspec.json.decode(data)
    except RecursionError as error:
        raise ValueError(str(error)) from error


@pytest.mark.timeout(0)
def test_messages_that_have_suffered() -> None:
    for chance in share(1):
        data = mutated(chance, SEEDS)
        calls = calls_of(data)
        for call in calls:
            check_answer(call)
            if isinstance(call, Request):
                check_params(call)
        check_meaning(data, calls)


def check_answer(call: Call) -> None:
    if isinstance(call, Invalid):
        answer = jsonrpc.fault(call.id, call.fault)
        assert call.fault.code in (-32700, -32600)
        assert len(answer) < 2000 + 2 * len(str(call.id))
    elif isinstance(call, Request):
        answer = jsonrpc.result(call.id, None)
    else:
        return
    assert decode(answer, Limits()) == Single(Response(call.id))


def check_params(call: Request) -> None:
    with contextlib.suppress(InvalidParams, UnknownMethod):
        params = read_params(method_named(call.method).params, call.params)
        if isinstance(params, execute.Params):
            execute.task_list_value(params)


def check_meaning(data: bytes, calls: tuple[Call, ...]) -> None:
    """Compare with other readers: the same value, and no JSON only where they see none."""
    problem, value = "", None
    try:
        value = strict_json.loads(data, max_depth=8, max_values=200)
    except MalformedMessage as refusal:
        problem = str(refusal)
    if not problem:
        assert value_elsewhere(data) == value
        assert json.loads(data) == value
        return
    assert isinstance(calls[0], Invalid)
    assert calls[0].fault.message == problem
    if any(phrase in problem for phrase in ("is not JSON", "is not UTF-8", "half a character")):
        with pytest.raises((ValueError, msgspec.DecodeError)):
            value_elsewhere(data)


@pytest.mark.timeout(0)
def test_streams_that_are_cut_anywhere() -> None:
    for chance in share(0.02):
        writer = Writer()
        for _ in range(chance.randrange(1, 12)):
            kind = chance.randrange(3)
            text = "".join(chance.choices('a\n"é漢😀', k=chance.randrange(1, 30))).encode()
            blob = chance.randbytes(chance.randrange(1, 30)) if kind == 0 else text
            cut = chance.randrange(1, len(blob) + 1)
            stream = chance.choice(("stdout", "stdout", "stderr"))
            for piece in (blob[:cut], blob[cut:]):
                if piece:
                    writer.write(1, 1, piece, stream)
        pauses = [chance.random() < 0.3 for _ in writer.events]
        size, binary = chance.choice((4, 7, 64)), chance.random() < 0.3
        framer = Framer("s", EXECUTION, max_bytes=size, binary=binary)
        reader = StreamReader()

        read = [
            reader.read(told)
            for notice in framed(framer, writer.events, pauses)
            for told in incoming(notice.encode())
            if isinstance(told, Told)
        ]

        assert bytes_of(read) == bytes_of(writer.events)
        assert reader.cursor == framer.cursor


def bytes_of(events: list[Any]) -> list[tuple[str, int]]:
    """Return every byte with its stream, in order."""
    return [
        (event.stream, byte)
        for event in sorted((one for one in events if isinstance(one, Output)), key=_offset)
        for byte in event.data
    ]


def _offset(output: Output) -> int:
    return output.offset


@pytest.mark.timeout(0)
def test_a_client_whose_server_has_gone_mad() -> None:
    writer = Writer()
    seq = writer.write(1, 1, "line\n漢".encode())
    writer.tell(1, 1, seq, "said")
    writer.write(1, 1, b"\xff")
    writer.move("attempt.ended", 1, 1)
    seeds = [
        notice.encode()
        for binary in (False, True)
        for notice in framed(Framer("s", EXECUTION, binary=binary), writer.events)
    ]
    seeds += [
        jsonrpc.notification(name, {"subscription": "s", "cursor": {"seq": 1}})
        for name in NOTIFICATIONS
    ]
    for chance in share(0.2):
        reader = StreamReader()
        with contextlib.suppress(MalformedMessage, StreamBroken):
            for told in incoming(mutated(chance, seeds)):
                if isinstance(told, Told):
                    subscription_of(told)
                    reader.read(told)
