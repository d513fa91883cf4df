"""What pages of allowed origins are told, so that their browsers let them read what they asked for.

Source: https://fetch.spec.whatwg.org, CORS protocol. The origin is always named, never `*`, and
credentials are never allowed: a page shows its token itself, no cookie does it for it.
"""

from __future__ import annotations

from typing import Final

from cc_executor.server.security.head import Head

Headers = list[tuple[bytes, bytes]]

_METHODS: Final = b"GET, POST, DELETE"
_MAY_SEND: Final = b"authorization, content-type, idempotency-key, last-event-id"
_MAY_READ: Final = b"location, retry-after, www-authenticate"
_MAX_AGE_S: Final = b"600"

#: Browsers that do not say where a request comes from still obey these.
ALWAYS: Final[Headers] = [
    (b"vary", b"Origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
]


def is_preflight(method: str, head: Head) -> bool:
    """Tell whether a browser only asks whether a page may send something."""
    return (
        method == "OPTIONS"
        and "origin" in head.headers
        and "access-control-request-method" in head.headers
    )


def preflight(head: Head) -> Headers:
    """Return the answer to a browser that asks for a page of an allowed origin."""
    answer = [
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", _MAY_SEND),
        (b"access-control-max-age", _MAX_AGE_S),
    ]
    if "access-control-request-private-network" in head.headers:
        answer.append((b"access-control-allow-private-network", b"true"))
    return answer


def answer_to_page(head: Head) -> Headers:
    """Return what every answer to an allowed origin says besides; nothing where there is no page."""
    origins = head.headers.get("origin", ())
    if not origins:
        return []
    return [
        (b"access-control-allow-origin", origins[0].encode("latin-1")),
        (b"access-control-expose-headers", _MAY_READ),
    ]
