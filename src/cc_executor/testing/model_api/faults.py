"""What goes wrong between an agent CLI and its model: one class per way.

A fault is a value; it spoils a stream that was fine by turning its frames into actions for
the server. How often it strikes is counted by the script that it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Wait:
    """Send nothing for `for_s` seconds; None: until the server is closed."""

    for_s: float | None


@dataclass(frozen=True, slots=True)
class HangUp:
    """Reset the connection."""


Action: TypeAlias = bytes | Wait | HangUp


@dataclass(frozen=True, slots=True)
class Stream:
    """A good answer as its dialect frames it, and the frames that faults put into it.

    Attributes:
        frames: The answer; the first frame opens it.
        ping: Keeps the connection busy and says nothing.
        overloaded: An error that ends the stream.
    """

    frames: Sequence[bytes]
    ping: bytes
    overloaded: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Strikes `times` times, then the answer comes as it should; None: for ever."""

    in_streams_only: ClassVar[bool] = True

    times: int | None = None

    def spoil(self, stream: Stream) -> Iterator[Action]:
        """Yield what the server does instead of sending `stream.frames`; here, just that."""
        yield from stream.frames


@dataclass(frozen=True, slots=True)
class Refuse(Fault):
    """An HTTP error in place of the answer.

    Attributes:
        status: The HTTP status.
        kind: The dialect's name for the error.
        message: Its sentence.
        retry_after_s: The header `retry-after`, in seconds; None leaves it out.
        headers: More headers.
    """

    in_streams_only: ClassVar[bool] = False

    status: int
    kind: str
    message: str
    retry_after_s: float | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Overload(Fault):
    """The answer begins, then an overload error ends it."""

    def spoil(self, stream: Stream) -> Iterator[Action]:
        """Yield the opening and the error."""
        yield stream.frames[0]
        yield stream.overloaded


@dataclass(frozen=True, slots=True)
class Stall(Fault):
    """The answer begins, then nothing comes for a while, then the rest of it.

    Attributes:
        for_s: How long; None: until the server is closed.
        ping_every_s: A ping comes at this interval while it lasts; None: nothing at all.
        frames_first: How much of the answer comes before; 0: not even the headers.
    """

    in_streams_only: ClassVar[bool] = False

    for_s: float | None = None
    ping_every_s: float | None = None
    frames_first: int = 1

    def spoil(self, stream: Stream) -> Iterator[Action]:
        """Yield the beginning, the wait, and the rest."""
        yield from stream.frames[: self.frames_first]
        if self.ping_every_s is None:
            yield Wait(self.for_s)
        else:
            waited_s = 0.0
            while self.for_s is None or waited_s < self.for_s:
                yield Wait(self.ping_every_s)
                yield stream.ping
                waited_s += self.ping_every_s
        yield from stream.frames[self.frames_first :]


@dataclass(frozen=True, slots=True)
class Drop(Fault):
    """The connection is reset after `after_frames` frames of the answer."""

    after_frames: int = 2

    def spoil(self, stream: Stream) -> Iterator[Action]:
        """Yield the beginning and a reset."""
        yield from stream.frames[: self.after_frames]
        yield HangUp()


@dataclass(frozen=True, slots=True)
class Slow(Fault):
    """The whole answer comes, with a pause of `pause_s` seconds before each frame."""

    pause_s: float = 0.05

    def spoil(self, stream: Stream) -> Iterator[Action]:
        """Yield every frame behind a pause."""
        for frame in stream.frames:
            yield Wait(self.pause_s)
            yield frame


REFUSALS: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        400: ("invalid_request_error", "the scripted model finds this request invalid"),
        401: ("authentication_error", "invalid x-api-key"),
        403: ("permission_error", "the scripted model does not permit this"),
        404: ("not_found_error", "model: not found"),
        413: ("request_too_large", "request exceeds the maximum size"),
        429: ("rate_limit_error", "this request would exceed the rate limit of the account"),
        500: ("api_error", "internal server error"),
        529: ("overloaded_error", "Overloaded"),
    }
)


def refuse(status: int, *, times: int | None = None, retry_after_s: float | None = None) -> Refuse:
    """Return the refusal that a model API gives with HTTP `status`."""
    kind, message = REFUSALS[status]
    return Refuse(status, kind, message, retry_after_s, times=times)


def usage_limit(resets_at: float, *, window: str = "five_hour", times: int | None = None) -> Refuse:
    """Return the refusal of a subscription whose usage window is used up.

    Args:
        resets_at: Seconds since the epoch.
        window: In Anthropic's words.
        times: How often it strikes.
    """
    unified = "anthropic-ratelimit-unified"
    headers = (
        (f"{unified}-status", "rejected"),
        (f"{unified}-reset", f"{resets_at:.0f}"),
        (f"{unified}-representative-claim", window),
    )
    kind, message = REFUSALS[429]
    return Refuse(429, kind, message, headers=headers, times=times)


def prompt_too_long(*, times: int | None = None) -> Refuse:
    """Return the refusal of a conversation that does not fit the model's context."""
    message = "prompt is too long: 250000 tokens > 200000 maximum"
    return Refuse(400, "invalid_request_error", message, times=times)
