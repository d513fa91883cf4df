"""JSON-RPC 2.0, to the letter and without I/O: bytes in, values out, and the other way round.

Where the specification leaves a choice:

* What is no strict JSON, or beyond the bounds, is a parse error (-32700); JSON that is no request
  an invalid request (-32600).
* The id of an invalid request comes back where it can be known, else null.
* Fractional ids are refused, `1.0` too; integers come back digit for digit, however long.
* Members that the specification does not name are ignored.
* A call with `"id": null` is answered, with that id. Without an `id` it never is.

Source: https://www.jsonrpc.org/specification, sections 4 to 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from cc_executor.errors import MalformedMessage, NotARequest
from cc_executor.protocol import strict_json
from cc_executor.protocol.faults import Fault, fault_of

Id = str | int | None
#: Arguments by position or by name; None when there is no such member.
Params = list[Any] | dict[str, Any] | None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a message may not exceed; its size is the transport's business.

    Attributes:
        max_depth: Deepest nesting of arrays and objects, the message's own included.
        max_batch: Most calls of one batch.
        max_values: Most values and names of one message: bounds time and memory.
    """

    max_depth: int = 64
    max_batch: int = 100
    max_values: int = 250_000


class Request(msgspec.Struct, frozen=True):
    """A call that is answered."""

    id: Id
    method: str
    params: Params = None


class Notification(msgspec.Struct, frozen=True):
    """A call that is never answered, not even with an error."""

    method: str
    params: Params = None


class Response(msgspec.Struct, frozen=True):
    """An answer. A server has asked nothing and ignores it."""

    id: Id


class Invalid(msgspec.Struct, frozen=True):
    """What is none of these; it is answered with `fault(id, fault)`."""

    fault: Fault
    id: Id = None


Call = Request | Notification | Response | Invalid


class Single(msgspec.Struct, frozen=True):
    """A message with one call."""

    call: Call


class Batch(msgspec.Struct, frozen=True):
    """A message with several calls, at least one; their answers go back in one array."""

    calls: tuple[Call, ...]


# --- what comes in -------------------------------------------------------------------------------


def decode(data: bytes | str, limits: Limits) -> Single | Batch:
    """Return what a message asks for. It never raises: whatever is wrong is `Invalid`."""
    try:
        value = strict_json.loads(data, max_depth=limits.max_depth, max_values=limits.max_values)
    except MalformedMessage as error:
        return Single(Invalid(fault_of(error)))
    if not isinstance(value, list):
        return Single(_call(value))
    if not value:
        return Single(_invalid("the batch is empty"))
    if len(value) > limits.max_batch:
        many = f"the batch has {len(value):,} calls, at most {limits.max_batch:,} are taken"
        return Single(_invalid(many))
    return Batch(tuple(map(_call, value)))


def _call(value: object) -> Call:
    if not isinstance(value, dict):
        return _invalid("it is no object")
    ident = value.get("id")
    # `True == 1` in Python, but not in JSON.
    if not (ident is None or isinstance(ident, str | int)) or isinstance(ident, bool):
        return _invalid("`id` is no string, whole number or null")
    if value.get("jsonrpc") != "2.0":
        return _invalid('`jsonrpc` is not "2.0"', ident)
    if "method" not in value and ("result" in value or "error" in value):
        return Response(ident)
    method, params = value.get("method"), value.get("params")
    if not isinstance(method, str):
        return _invalid("`method` is no string", ident)
    if "params" in value and not isinstance(params, list | dict):
        return _invalid("`params` is no array and no object", ident)
    return Request(ident, method, params) if "id" in value else Notification(method, params)


def _invalid(problem: str, ident: Id = None) -> Invalid:
    return Invalid(fault_of(NotARequest(problem)), ident)


# --- what goes out -------------------------------------------------------------------------------


class _Result(msgspec.Struct):
    result: Any
    id: Id
    jsonrpc: Literal["2.0"] = "2.0"


class _Error(msgspec.Struct):
    error: Fault
    id: Id
    jsonrpc: Literal["2.0"] = "2.0"


class _Notification(msgspec.Struct):
    method: str
    params: Any
    jsonrpc: Literal["2.0"] = "2.0"


class _Request(msgspec.Struct):
    method: str
    params: Any
    id: Id
    jsonrpc: Literal["2.0"] = "2.0"


def result(ident: Id, value: object) -> bytes:
    """Return the answer of a call that was carried out, as UTF-8."""
    return _encode(_Result(value, ident))


def fault(ident: Id, error: Fault) -> bytes:
    """Return the answer of a call that was refused, as UTF-8."""
    return _encode(_Error(error, ident))


def notification(method: str, params: object) -> bytes:
    """Return a call that wants no answer, as UTF-8. `params`: a struct or a mapping."""
    return _encode(_Notification(method, params))


def request(ident: Id, method: str, params: object) -> bytes:
    """Return a call that wants an answer, as UTF-8."""
    return _encode(_Request(method, params, ident))


def batch(answers: Iterable[bytes]) -> bytes | None:
    """Return the answers of a batch as one message; None when there is nothing to say.

    A batch of notifications gets no answer at all, not an empty array.
    """
    joined = b",".join(answers)
    return b"[" + joined + b"]" if joined else None


_HALF: Final = re.compile("[\ud800-\udfff]")
_ENCODER: Final = msgspec.json.Encoder()


def _encode(message: object) -> bytes:
    try:
        return _ENCODER.encode(message)
    except UnicodeEncodeError:  # some agents break a character in two
        return _ENCODER.encode(_mended(msgspec.to_builtins(message)))


def _mended(value: object) -> object:
    """Return the value with every half of a character replaced by U+FFFD."""
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_mended(name): _mended(inner) for name, inner in value.items()}
    return [_mended(inner) for inner in value] if isinstance(value, list | tuple) else value
