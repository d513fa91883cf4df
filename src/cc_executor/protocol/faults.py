"""What a refusal is on the wire: the one table of codes, for both doors, and the way back.

A class that has no row of its own has that of the nearest class above it.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from cc_executor.errors import (
    AccessDenied,
    CCExecutorError,
    CommandNotAllowed,
    Conflict,
    InvalidRequest,
    LimitReached,
    MalformedMessage,
    MessageTooLarge,
    NotARequest,
    NotAuthenticated,
    NotFound,
    RangeNotSatisfiable,
    RateLimited,
    RefusedByServer,
    ResourcesShort,
    ServerFailed,
    TooManySessions,
    TooSlow,
    Unavailable,
    UnknownMethod,
)
from cc_executor.model.outcomes import TaskFailed

#: What `error.token_limit_exceeded` carries; no request is refused for it.
TOKEN_LIMIT: Final = -32004


class Signs(NamedTuple):
    """How a refusal shows on each door.

    Attributes:
        rpc: Code of the JSON-RPC error.
        http: Status of the HTTP answer.
    """

    rpc: int
    http: int


SIGNS: Final[Mapping[type[CCExecutorError], Signs]] = {
    # The codes that the specification of JSON-RPC 2.0 gives (section 5.1).
    MalformedMessage: Signs(-32700, 400),
    NotARequest: Signs(-32600, 400),
    UnknownMethod: Signs(-32601, 404),
    InvalidRequest: Signs(-32602, 422),
    ServerFailed: Signs(-32603, 500),
    # Those that clients have known since 2025.
    CommandNotAllowed: Signs(-32001, 403),
    NotFound: Signs(-32002, 404),
    TooManySessions: Signs(-32003, 429),
    # -32004 is TOKEN_LIMIT. From here down each family has one.
    Conflict: Signs(-32010, 409),
    NotAuthenticated: Signs(-32011, 401),
    AccessDenied: Signs(-32012, 403),
    LimitReached: Signs(-32013, 429),
    RateLimited: Signs(-32014, 429),
    MessageTooLarge: Signs(-32019, 413),
    TooSlow: Signs(-32020, 408),
    RangeNotSatisfiable: Signs(-32021, 416),
    Unavailable: Signs(-32015, 503),
    ResourcesShort: Signs(-32016, 503),
    TaskFailed: Signs(-32017, 409),
    CCExecutorError: Signs(-32018, 500),
}


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The error object of a JSON-RPC answer.

    Attributes:
        code: Number of the kind of error.
        message: One sentence for people.
        data: `code` (stable, a word), `hint`, `retryable`, and the facts of that refusal.
    """

    code: int
    message: str
    data: Any = None


def signs_of(error: BaseException) -> Signs:
    """Return how an error shows; what is none of ours is a failure of the server."""
    for kind in type(error).__mro__:
        if kind in SIGNS:
            return SIGNS[kind]
    return SIGNS[ServerFailed]


def fault_of(error: BaseException) -> Fault:
    """Return the fault that tells of an error.

    What is none of ours tells nothing of itself: it could hold anything, a secret included.
    """
    if not isinstance(error, CCExecutorError):
        error = ServerFailed()
    return Fault(code=signs_of(error).rpc, message=str(error), data=data_of(error))


def data_of(error: CCExecutorError) -> dict[str, Any]:
    """Return what a refusal says to programs: the same object on every door."""
    return {
        **{name: _plain(value) for name, value in vars(error).items() if name[:1] != "_"},
        "code": error.code,
        "hint": error.hint,
        "retryable": error.retryable,
    }


def _plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    return msgspec.to_builtins(value, enc_hook=str)


# --- the way back --------------------------------------------------------------------------------


def error_from(fault: Fault) -> CCExecutorError:
    """Return the refusal that a fault tells of, as the class that has its code.

    A code that is unknown here, or facts that do not fit, give a `RefusedByServer`.
    """
    said = fault.data if isinstance(fault.data, dict) else {}
    kind = _kinds().get(said.get("code", ""))
    error = _rebuilt(kind, said) if kind is not None else None
    return error if error is not None else _unknown(fault, said)


def _rebuilt(kind: type[CCExecutorError], said: Mapping[str, Any]) -> CCExecutorError | None:
    """Return the error whose fields are the facts, None when they do not fit."""
    types = _parameters(kind)
    try:
        given = {
            name: msgspec.convert(said[name], of_type)
            for name, of_type in types.items()
            if name in said
        }
        error = kind(**given)
    except (TypeError, ValueError):
        return None
    if isinstance(said.get("hint"), str):
        error.hint = said["hint"]
    return error


def _parameters(kind: type[CCExecutorError]) -> dict[str, Any]:
    """Return the parameters of a class of errors with their types."""
    if not inspect.isfunction(kind.__init__):
        return {}  # Exception's own: no facts
    types = typing.get_type_hints(kind.__init__)
    types.pop("return", None)
    return types


def _unknown(fault: Fault, said: Mapping[str, Any]) -> RefusedByServer:
    refusal, hint = said.get("code", ""), said.get("hint")
    facts = {name: value for name, value in said.items() if name not in ("code", "hint")}
    return RefusedByServer(
        refusal if isinstance(refusal, str) else "",
        fault.code,
        fault.message,
        facts,
        hint=hint if isinstance(hint, str) else None,
    )


def _kinds() -> dict[str, type[CCExecutorError]]:
    """Return the classes by code, those of modules that are loaded."""
    return {kind.code: kind for kind in _below(CCExecutorError) if "code" in vars(kind)}


def _below(kind: type[CCExecutorError]) -> Iterator[type[CCExecutorError]]:
    yield kind
    for lower in kind.__subclasses__():
        if lower.__module__.startswith("cc_executor."):
            yield from _below(lower)
