"""Nobody else gets in."""

from __future__ import annotations

from cc_executor.errors.tree import CCExecutorError


class AccessDenied(CCExecutorError):
    """The request is not for whoever sent it."""

    code = "access.denied"
    hint = "Ask the owner of the server for a token with the scope it needs."


class NotAuthenticated(AccessDenied):
    """No token, or one that is unknown, expired or revoked."""

    code = "access.not_authenticated"
    hint = "Send `Authorization: Bearer TOKEN`; `cc-executor token` shows and makes tokens."

    def __str__(self) -> str:
        return "a valid token is needed"


class OriginRefused(AccessDenied):
    """The request comes from a web page, or to a host name, that is not allowed.

    Attributes:
        header: `Origin` or `Host`.
        value: What it says.
    """

    code = "access.origin_refused"
    hint = "Name it in CC_EXECUTOR_ALLOWED_ORIGINS or CC_EXECUTOR_ALLOWED_HOSTS of the server."

    def __init__(self, header: str, value: str) -> None:
        super().__init__(header, value)
        self.header = header
        self.value = value

    def __str__(self) -> str:
        return f"{self.header} {self.value!r} is not allowed here"


class NotPermitted(AccessDenied):
    """The token lacks the scope for it.

    Attributes:
        scope: What it would need: `read`, `run`, `control` or `admin`.
    """

    code = "access.not_permitted"

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.scope = scope

    def __str__(self) -> str:
        return f"the token lacks the scope {self.scope!r}"
