"""Why a connection did not come about, or ended: as errors of ours."""

from __future__ import annotations

import ssl

import msgspec
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
)
from websockets.frames import CloseCode
from websockets.http11 import Response

from cc_executor.client.remote.target import Target
from cc_executor.errors import (
    CCExecutorError,
    ConnectionLost,
    IncompatibleServer,
    LimitReached,
    NotAuthenticated,
    ServerNotTrusted,
    ServerUnavailable,
)
from cc_executor.protocol.faults import Fault, error_from

#: A server, or a proxy before it, that may do better in a moment.
_PASSING = (429, 500, 502, 503, 504)


def not_connected(error: Exception, target: Target) -> CCExecutorError:
    """Return what a failed attempt to connect means."""
    where = str(target.address)
    if isinstance(error, InvalidStatus):
        return _refused(error.response, where)
    if isinstance(error, ssl.SSLCertVerificationError):
        return ServerNotTrusted(where, error.verify_message or str(error))
    if isinstance(error, TimeoutError):
        return ServerUnavailable(where, f"did not answer within {target.bounds.connect_s:g} s")
    if isinstance(error, InvalidMessage) and isinstance(error.__cause__, EOFError):
        return ServerUnavailable(where, "the connection ended during the handshake")
    if isinstance(error, InvalidHandshake):
        return IncompatibleServer(where, f"is no server of cc-executor: {error}")
    if isinstance(error, OSError):
        return ServerUnavailable(where, f"cannot be reached: {error.strerror or error}")
    return ServerUnavailable(where, f"cannot be reached: {error}")


def _refused(response: Response, where: str) -> CCExecutorError:
    status = response.status_code
    said = _object_of(response.body)
    if said is not None:
        message = said.get("message")
        return error_from(Fault(code=0, message=f"{message}", data=said))
    if status == 401:
        return NotAuthenticated()
    if status in _PASSING:
        return ServerUnavailable(where, f"answered with HTTP status {status}")
    return IncompatibleServer(where, f"is no server of cc-executor: HTTP status {status}")


def _object_of(body: bytes | bytearray | None) -> dict[str, object] | None:
    """Return what a server of ours says about a refusal; None: it is none of ours."""
    try:
        whole = msgspec.json.decode(body or b"", type=dict[str, dict[str, object]])
    except (msgspec.DecodeError, UnicodeError):
        return None
    said = whole.get("error")
    return said if said is not None and isinstance(said.get("code"), str) else None


def lost(error: ConnectionClosed, target: Target) -> CCExecutorError:
    """Return what the end of a connection means."""
    ours = error.sent
    if ours is not None and not error.rcvd_then_sent and ours.code == CloseCode.MESSAGE_TOO_BIG:
        limit = target.bounds.max_message_bytes
        return LimitReached(
            "max_message_bytes", value=limit, asked=limit + 1, unit="bytes of one message"
        )
    theirs = error.rcvd
    if theirs is None:
        return ConnectionLost("it broke off")
    return ConnectionLost(theirs.reason or f"the server closed it with code {theirs.code}")
