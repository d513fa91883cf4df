"""Who gets in: host, origin, identity, rate, in this order, on every transport, loopback included."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from typing import Final

from cc_executor.errors import NotAuthenticated, OriginRefused
from cc_executor.model.principals import Principal, Scope
from cc_executor.model.tokens import OWNER, Tokens
from cc_executor.server.security.head import Head
from cc_executor.server.security.rate import Rates

#: Names under which this machine talks to itself. A page of another site that has its own name
#: point here (DNS rebinding) still sends that name.
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
#: First part of the subprotocol that carries a token: browsers cannot set headers on WebSockets.
BEARER_SUBPROTOCOL: Final = "bearer."

_HOST: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_BEARER: Final = re.compile(r"[Bb]earer +([A-Za-z0-9_-]{1,128})")
_SUBPROTOCOL: Final = re.compile(re.escape(BEARER_SUBPROTOCOL) + r"([A-Za-z0-9_-]{1,128})")
#: What browsers say of requests that carry no `Origin`: images, scripts, links.
_OTHER_SITES: Final = frozenset({"cross-site", "same-site"})


class Guard:
    """Lets in who shows a token, from an origin and to a host that are allowed. Default: nobody.

    Args:
        tokens: Returns the tokens that are valid now.
        origins: Web origins that may talk to the server, exactly as browsers send them.
        hosts: What `Host` may say besides the loopback names: `name`, or `name:port`.
        rates: Counts the requests of each principal.
        now_s: Seconds since the epoch, for the ends of tokens.
        no_auth: Let in everybody as the owner (`--insecure-no-auth`).
    """

    def __init__(
        self,
        tokens: Callable[[], Tokens],
        *,
        origins: Collection[str],
        hosts: Collection[str],
        rates: Rates,
        now_s: Callable[[], float],
        no_auth: bool = False,
    ) -> None:
        self._tokens = tokens
        self._origins = frozenset(origins)
        self._hosts = LOOPBACK_NAMES | {host.lower() for host in hosts}
        self._rates = rates
        self._now_s = now_s
        self._no_auth = no_auth

    def check_source(self, head: Head) -> None:
        """Do nothing for a request from an allowed origin to an allowed host.

        Raises:
            OriginRefused: It is not.
        """
        self._check_host(head)
        self._check_origin(head)

    def admit(self, head: Head) -> Principal:
        """Return who sent a request whose source has been checked; it counts against their rate.

        Raises:
            NotAuthenticated: It shows no valid token.
            RateLimited: The principal has sent too many in this minute.
        """
        principal = self.identify(head)
        self.count(principal)
        return principal

    def count(self, principal: Principal) -> None:
        """Count one request of a principal.

        Raises:
            RateLimited: It is one too many.
        """
        self._rates.take(principal.name)

    def still_admits(self, principal: Principal) -> bool:
        """Tell whether what let the principal in is still valid."""
        return self._tokens().still_admits(principal, now_s=self._now_s())

    def identify(self, head: Head) -> Principal:
        """Return who sent the request.

        Raises:
            NotAuthenticated: It shows no token, more than one, or one that is not valid.
        """
        shown = _tokens_shown(head)
        if not shown:
            if self._no_auth or head.peer.uid in (os.geteuid(), 0):
                return Principal(name=OWNER, scopes=frozenset(Scope))
            raise NotAuthenticated
        if len(shown) > 1:
            raise NotAuthenticated
        principal = self._tokens().identify(shown[0], now_s=self._now_s())
        if principal is None:
            raise NotAuthenticated
        return principal

    def _check_host(self, head: Head) -> None:
        values = head.headers.get("host", ())
        said = _HOST.fullmatch(values[0]) if len(values) == 1 else None
        if said is not None:
            name = said[1].lower()
            if name in self._hosts or (said[2] and f"{name}:{said[2]}" in self._hosts):
                return
        raise OriginRefused("Host", ", ".join(values)[:200])

    def _check_origin(self, head: Head) -> None:
        values = head.headers.get("origin", ())
        if values:
            if len(values) == 1 and values[0] in self._origins:
                return
            raise OriginRefused("Origin", ", ".join(values)[:200])
        for site in head.headers.get("sec-fetch-site", ()):
            if site.lower() in _OTHER_SITES:
                raise OriginRefused("Sec-Fetch-Site", site)


def _tokens_shown(head: Head) -> list[str]:
    """Return every token that the request shows; a malformed one is shown as an empty one."""
    shown = []
    for value in head.headers.get("authorization", ()):
        bearer = _BEARER.fullmatch(value)
        shown.append(bearer[1] if bearer else "")
    for offered in head.subprotocols:
        if offered.startswith(BEARER_SUBPROTOCOL):
            bearer = _SUBPROTOCOL.fullmatch(offered)
            shown.append(bearer[1] if bearer else "")
    return shown
