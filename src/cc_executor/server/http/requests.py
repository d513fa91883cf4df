"""What a request says, taken with bounds: who, the body, the parameters."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from starlette.requests import ClientDisconnect, Request

from cc_executor.errors import (
    ConnectionLost,
    InvalidParams,
    MessageTooLarge,
    NotAuthenticated,
    TooSlow,
)
from cc_executor.model.principals import Principal
from cc_executor.protocol.strict_json import loads
from cc_executor.server.app import PRINCIPAL

#: As a task file: the largest list has 10,000 tasks with a few dozen fields each.
_MAX_VALUES: Final = 1_000_000
_MAX_WAIT_S: Final = 300.0


class Limits(NamedTuple):
    """What a request may be.

    Attributes:
        max_body_bytes: Largest body.
        body_timeout_s: How long the next piece of a body may take.
        max_json_depth: Deepest nesting.
    """

    max_body_bytes: int
    body_timeout_s: float
    max_json_depth: int


def who(request: Request) -> Principal:
    """Return who asks.

    Raises:
        NotAuthenticated: Nobody knows; only what needs no token lets it come this far.
    """
    principal = request.scope["state"][PRINCIPAL]
    if not isinstance(principal, Principal):
        raise NotAuthenticated
    return principal


async def json_body(request: Request, limits: Limits) -> Any:  # noqa: ANN401 - any JSON value
    """Return the body's value.

    Raises:
        MessageTooLarge, TooSlow: It is too large, or comes too slowly.
        MalformedMessage: It is not strict JSON.
        InvalidParams: It is declared to be something else.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "application/json":
        # A page can send forms and text to other sites without being asked; JSON it cannot.
        raise InvalidParams("Content-Type", "must be application/json")
    body = await _body(request, limits)
    return loads(body, max_depth=limits.max_json_depth, max_values=_MAX_VALUES)


async def _body(request: Request, limits: Limits) -> bytes:
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > limits.max_body_bytes:
        raise _too_large(limits, int(length))
    body = bytearray()
    pieces = request.stream()
    while True:
        try:
            async with asyncio.timeout(limits.body_timeout_s):
                piece = await anext(pieces, None)
        except ClientDisconnect:
            raise ConnectionLost("it ended before the body was complete") from None
        except TimeoutError:
            raise TooSlow(
                "handshake_timeout_s",
                value=limits.body_timeout_s,
                asked=limits.body_timeout_s,
                unit="s between two pieces of a body",
            ) from None
        if piece is None:
            return bytes(body)
        body += piece
        if len(body) > limits.max_body_bytes:
            raise _too_large(limits, len(body))


def _too_large(limits: Limits, asked: int) -> MessageTooLarge:
    return MessageTooLarge("ws_max_size", value=limits.max_body_bytes, asked=asked, unit="bytes")


def whole_number(request: Request, name: str, default: int, *, low: int, high: int) -> int:
    """Return a parameter of the query.

    Raises:
        InvalidParams: It is no whole number from `low` to `high`.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        raise InvalidParams(name, f"{text[:40]!r} is not a whole number from {low} to {high}")
    return int(text)


def yes_or_no(request: Request, name: str) -> bool:
    """Return a parameter of the query; False where it is not given.

    Raises:
        InvalidParams: It is neither `true` nor `false`.
    """
    text = request.query_params.get(name, "false")
    if text not in ("true", "false"):
        raise InvalidParams(name, f"{text[:40]!r} is neither true nor false")
    return text == "true"


def wait_s(request: Request) -> float | None:
    """Return how long to wait for the end; None: not at all.

    Raises:
        InvalidParams: `wait` or `timeout` is none of what they can be.
    """
    if not yes_or_no(request, "wait"):
        return None
    return float(whole_number(request, "timeout", 60, low=1, high=int(_MAX_WAIT_S)))
