"""A limit was reached."""

from __future__ import annotations

from cc_executor.errors.tree import CCExecutorError


class LimitReached(CCExecutorError):
    """A configured limit refuses the request.

    Attributes:
        limit: The setting's name.
        value: Its value.
        asked: What the request would have needed.
    """

    code = "limit.reached"
    hint = "Raise the setting, or ask for less."

    def __init__(self, limit: str, *, value: float, asked: float, unit: str) -> None:
        super().__init__(limit, value, asked)
        self.limit = limit
        self.value = value
        self.asked = asked
        self.unit = unit

    def __str__(self) -> str:
        return f"{self.limit} allows {self.value:g} {self.unit}, {self.asked:g} were asked for"


class MessageTooLarge(LimitReached):
    """A request's body is larger than the server takes."""

    code = "limit.message_size"
    hint = "Send less at once, or raise WS_MAX_SIZE of the server."


class TooSlow(LimitReached):
    """A request's body did not come within its time."""

    code = "limit.slow"
    retryable = True
    hint = "Send it without long pauses, or raise CC_EXECUTOR_HANDSHAKE_TIMEOUT_S of the server."


class TooManySessions(LimitReached):
    """Every session that the server allows has a living connection."""

    code = "limit.sessions"
    retryable = True
    hint = "Close a session, or raise MAX_SESSIONS."


class RateLimited(LimitReached):
    """The principal has sent more requests than it may in this minute.

    Attributes:
        retry_after_s: When the next one will be accepted.
    """

    code = "limit.rate"
    retryable = True
    hint = "Wait as long as the answer says and send it again."

    def __init__(self, *, value: float, asked: float, retry_after_s: float) -> None:
        super().__init__("rate_per_minute", value=value, asked=asked, unit="requests a minute")
        self.retry_after_s = retry_after_s
