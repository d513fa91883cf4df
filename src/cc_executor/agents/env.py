"""Which environment variables a child may inherit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

#: What any program needs to find its files and to show its text.
COMMON: Final = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)

#: How to reach the network. They may hold a password, so programs that did not ask get none.
PROXIES: Final = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
)

_OURS: Final = "CC_EXECUTOR_"


def filter_environment(
    environ: Mapping[str, str], patterns: Iterable[str], extra: Iterable[str] = ()
) -> dict[str, str]:
    """Return the part of `environ` that a child may see: an allowlist, nothing else.

    Args:
        environ: What there is.
        patterns: Names a dialect inherits; a final `*` makes a prefix of what stands before it.
        extra: Names the user adds, by the same rules. Our own variables (`CC_EXECUTOR_*`) are
            never passed on, whatever is asked.
    """
    allowed = (*patterns, *extra)
    names = frozenset(pattern for pattern in allowed if not pattern.endswith("*"))
    prefixes = tuple(pattern[:-1] for pattern in allowed if pattern.endswith("*"))
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(_OURS) and (name in names or name.startswith(prefixes))
    }
