"""JSON-RPC 2.0 to the letter: the specification's examples, what must be refused, and laws."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.errors import UnknownMethod
from cc_executor.protocol import jsonrpc
from cc_executor.protocol.faults import fault_of
from cc_executor.protocol.jsonrpc import (
    Batch,
    Call,
    Invalid,
    Limits,
    Notification,
    Params,
    Request,
    Response,
    Single,
    decode,
)
from tests.protocol.negative_cases import CASES, IN_A_BATCH, Case

LIMITS: Final = Limits()

# --- the specification's examples ----------------------------------------------------------------


def _subtract(params: Params) -> int:
    if isinstance(params, dict):
        return int(params["minuend"] - params["subtrahend"])
    assert params is not None
    return int(params[0] - params[1])


METHODS: Final[Mapping[str, Callable[[Params], object]]] = {
    "subtract": _subtract,
    "sum": lambda params: sum(params or []),
    "get_data": lambda _: ["hello", 5],
}


def answer_to(call: Call) -> bytes | None:
    match call:
        case Request(ident, method, params):
            if method in METHODS:
                return jsonrpc.result(ident, METHODS[method](params))
            return jsonrpc.fault(ident, fault_of(UnknownMethod(method)))
        case Invalid(fault, ident):
            return jsonrpc.fault(ident, fault)
        case Notification() | Response():
            return None


def served(message: bytes | str) -> Any:
    """Return what a small server answers, None for nothing; of an error only its code."""
    decoded = decode(message, LIMITS)
    if isinstance(decoded, Single):
        answer = answer_to(decoded.call)
    else:
        answers = map(answer_to, decoded.calls)
        answer = jsonrpc.batch(answer for answer in answers if answer is not None)
    if answer is None:
        return None
    said = json.loads(answer)
    for one in said if isinstance(said, list) else [said]:
        assert one.pop("jsonrpc") == "2.0"
        if "error" in one:
            one["error"] = one["error"]["code"]
    return said


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        pytest.param(
            '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
            {"result": 19, "id": 1},
            id="by position",
        ),
        pytest.param(
            '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
            {"result": -19, "id": 2},
            id="by position, the other way round",
        ),
        pytest.param(
            '{"jsonrpc": "2.0", "method": "subtract",'
            ' "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
            {"result": 19, "id": 3},
            id="by name",
        ),
        pytest.param(
            '{"jsonrpc": "2.0", "method": "subtract",'
            ' "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
            {"result": 19, "id": 4},
            id="by name, in another order",
        ),
        pytest.param(
            '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}',
            None,
            id="a notification",
        ),
        pytest.param(
            '{"jsonrpc": "2.0", "method": "foobar"}', None, id="a notification without params"
        ),
        pytest.param(
            '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
            {"error": -32601, "id": "1"},
            id="a method that is not there",
        ),
        pytest.param(
            '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
            {"error": -32700, "id": None},
            id="no JSON",
        ),
        pytest.param(
            '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
            {"error": -32600, "id": None},
            id="no request",
        ),
        pytest.param(
            '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
            ' {"jsonrpc": "2.0", "method" ]',
            {"error": -32700, "id": None},
            id="a batch that is no JSON",
        ),
        pytest.param("[]", {"error": -32600, "id": None}, id="an empty batch"),
        pytest.param("[1]", [{"error": -32600, "id": None}], id="a batch of a number"),
        pytest.param("[1,2,3]", [{"error": -32600, "id": None}] * 3, id="a batch of numbers"),
        pytest.param(
            '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
            ' {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},'
            ' {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},'
            ' {"foo": "boo"},'
            ' {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},'
            ' {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]',
            [
                {"result": 7, "id": "1"},
                {"result": 19, "id": "2"},
                {"error": -32600, "id": None},
                {"error": -32601, "id": "5"},
                {"result": ["hello", 5], "id": "9"},
            ],
            id="a batch of everything",
        ),
        pytest.param(
            '[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},'
            ' {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]',
            None,
            id="a batch of notifications",
        ),
    ],
)
@pytest.mark.parametrize("as_bytes", [False, True], ids=["text", "bytes"])
def test_the_examples_of_the_specification(message: str, answer: object, *, as_bytes: bool) -> None:
    assert served(message.encode() if as_bytes else message) == answer


# --- what is refused -----------------------------------------------------------------------------


def test_the_table_is_as_long_as_it_should_be() -> None:
    assert len(CASES) >= 300
    assert len({case.name for case in CASES + IN_A_BATCH}) == len(CASES + IN_A_BATCH)
    assert len({case.message for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_refused(case: Case) -> None:
    decoded = decode(case.message, LIMITS)

    assert isinstance(decoded, Single)
    assert_refused(decoded.call, case)


@pytest.mark.parametrize("case", IN_A_BATCH, ids=lambda case: case.name)
def test_the_others_of_a_batch_are_not_refused_with_it(case: Case) -> None:
    good = b'{"jsonrpc":"2.0","method":"m","id":"good"}'

    decoded = decode(b"[" + b",".join([good, case.message, good]) + b"]", LIMITS)

    assert isinstance(decoded, Batch)
    first, refused, last = decoded.calls
    assert first == last == Request("good", "m")
    assert_refused(refused, case)


def assert_refused(call: Call, case: Case) -> None:
    assert isinstance(call, Invalid)
    assert (call.fault.code, call.id) == (case.code, case.id)
    assert case.because in call.fault.message
    assert call.fault.data["hint"]
    said = json.loads(jsonrpc.fault(call.id, call.fault))
    assert said["id"] == case.id
    assert len(jsonrpc.fault(call.id, call.fault)) < 1000


# --- what is taken -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "call"),
    [
        pytest.param('{"jsonrpc":"2.0","method":"m","id":null}', Request(None, "m"), id="null id"),
        pytest.param('{"jsonrpc":"2.0","method":"m","id":0}', Request(0, "m"), id="id 0"),
        pytest.param('{"jsonrpc":"2.0","method":"m","id":-5}', Request(-5, "m"), id="id below 0"),
        pytest.param('{"jsonrpc":"2.0","method":"m","id":""}', Request("", "m"), id="empty id"),
        pytest.param('{"jsonrpc":"2.0","method":"","id":1}', Request(1, ""), id="empty method"),
        pytest.param(
            '{"jsonrpc":"2.0","method":"m","id":1,"params":[]}', Request(1, "m", []), id="no args"
        ),
        pytest.param(
            '{"jsonrpc":"2.0","method":"m","params":{}}', Notification("m", {}), id="empty object"
        ),
        pytest.param(
            '{"jsonrpc":"2.0","method":"m","id":1,"trace":"x"}', Request(1, "m"), id="more members"
        ),
        pytest.param('{"jsonrpc":"2.0","result":1,"id":4}', Response(4), id="an answer"),
        pytest.param(
            '{"jsonrpc":"2.0","error":{"code":1,"message":"x"},"id":null}',
            Response(None),
            id="an answer that is an error",
        ),
        pytest.param(
            ' \t\r\n{ "jsonrpc" : "2.0" ,\n"method":"m"} \n', Notification("m"), id="white space"
        ),
        pytest.param(
            '{"jsonrpc":"2.0","method":"\\u006d","id":"\\ud83d\\ude00"}',
            Request("😀", "m"),
            id="escapes",
        ),
        pytest.param(
            '{"jsonrpc":"2.0","method":"m","params":["\\\\ud800","漢\\u0000\\/"]}',
            Notification("m", ["\\ud800", "漢\x00/"]),
            id="what only looks like half a character",
        ),
        pytest.param(
            '{"jsonrpc":"2.0","method":"m","params":[1.5,1E2,-0,-0.0,1e-999]}',
            Notification("m", [1.5, 100.0, 0, -0.0, 0.0]),
            id="numbers",
        ),
        pytest.param(
            '{"jsonrpc":"2.0","method":"m","params":' + "[" * 63 + "]" * 63 + "}",
            Notification("m", json.loads("[" * 63 + "]" * 63)),
            id="64 levels",
        ),
        pytest.param(
            '{"jsonrpc":"2.0","method":"m","params":["' + "[{" * 5000 + '"]}',
            Notification("m", ["[{" * 5000]),
            id="brackets in a string",
        ),
        pytest.param(
            '{"jsonrpc":"2.0","method":"m","params":["' + '\\"[' * 5000 + '"]}',
            Notification("m", ['"[' * 5000]),
            id="brackets and escaped quotes in a string",
        ),
    ],
)
def test_it_is_taken(message: str, call: Call) -> None:
    assert decode(message, LIMITS) == Single(call)


@pytest.mark.parametrize("digits", [1, 15, 19, 20, 40, 1000])
def test_an_integer_id_comes_back_digit_for_digit(digits: int) -> None:
    number = int("9" * digits)

    decoded = decode(f'{{"jsonrpc":"2.0","method":"m","id":{number}}}', LIMITS)

    assert decoded == Single(Request(number, "m"))
    assert f'"id":{number}'.encode() in jsonrpc.result(number, True)


def test_a_batch_of_as_many_calls_as_allowed_is_taken() -> None:
    call = '{"jsonrpc":"2.0","method":"m"}'

    decoded = decode(f"[{','.join([call] * 100)}]", LIMITS)

    assert decoded == Batch((Notification("m"),) * 100)


def test_a_message_with_as_many_values_as_allowed_is_taken() -> None:
    limits = Limits(max_values=10)

    assert isinstance(decode("[1,2,3,4,5,6,7,8,9]", limits), Batch)
    assert isinstance(decode("[1,2,3,4,5,6,7,8,9,10]", limits), Single)


def test_half_a_character_in_a_text_that_has_come_as_text_is_refused() -> None:
    decoded = decode('{"jsonrpc":"2.0","method":"\ud800"}', LIMITS)

    assert isinstance(decoded, Single)
    assert isinstance(decoded.call, Invalid)
    assert "half a character" in decoded.call.fault.message


# --- laws ----------------------------------------------------------------------------------------

VALUES: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
IDS: Final = st.none() | st.integers() | st.text()
PARAMS: Final = st.lists(VALUES, max_size=4) | st.dictionaries(st.text(), VALUES, max_size=4)


@given(st.binary() | st.text())
def test_whatever_comes_in_it_is_a_call_or_refused(data: bytes | str) -> None:
    decoded = decode(data, LIMITS)

    calls = (decoded.call,) if isinstance(decoded, Single) else decoded.calls
    for call in calls:
        assert isinstance(call, Request | Notification | Response | Invalid)


@given(IDS, st.text(), PARAMS)
def test_a_request_that_is_written_is_read_as_it_was(
    ident: str | int | None, method: str, params: list[Any] | dict[str, Any]
) -> None:
    message = jsonrpc.request(ident, method, params)

    assert decode(message, LIMITS) == Single(Request(ident, method, params))
    assert decode(message.decode(), LIMITS) == Single(Request(ident, method, params))


@given(st.text(), PARAMS)
def test_a_notification_that_is_written_is_read_as_it_was(
    method: str, params: list[Any] | dict[str, Any]
) -> None:
    assert decode(jsonrpc.notification(method, params), LIMITS) == Single(
        Notification(method, params)
    )


@given(IDS, VALUES)
def test_an_answer_says_its_id_and_its_result_and_nothing_else(
    ident: str | int | None, value: object
) -> None:
    answer = jsonrpc.result(ident, value)

    assert json.loads(answer) == {"jsonrpc": "2.0", "id": ident, "result": value}
    assert decode(answer, LIMITS) == Single(Response(ident))


@given(VALUES)
def test_what_is_taken_means_to_us_what_it_means_to_others(value: object) -> None:
    """Two readers of one message must not see two different things."""
    message = json.dumps({"jsonrpc": "2.0", "method": "m", "params": [value]})

    decoded = decode(message, LIMITS)

    assert decoded == Single(Notification("m", json.loads(message)["params"]))


@given(st.lists(st.text("ab", max_size=1), min_size=2, max_size=5))
def test_a_name_stands_once_in_an_object(names: list[str]) -> None:
    pairs = ",".join(f'"{name}":{at}' for at, name in enumerate(names))

    decoded = decode(f'{{"jsonrpc":"2.0","method":"m","params":{{{pairs}}}}}', LIMITS)

    assert isinstance(decoded, Single)
    is_refused = isinstance(decoded.call, Invalid)
    assert is_refused == (len(set(names)) < len(names))


@given(st.text(st.characters(categories=["Cs"]), min_size=1), IDS)
def test_what_is_written_is_always_utf8(halves: str, ident: str | int | None) -> None:
    answer = jsonrpc.result(ident, {halves: [halves, (halves,)]})

    assert msgspec.json.decode(answer)["id"] == ident
    answer.decode()


def test_the_answers_of_a_batch_are_one_array() -> None:
    assert jsonrpc.batch([]) is None
    assert jsonrpc.batch([b"1", b"2"]) == b"[1,2]"
