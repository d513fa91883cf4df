"""The environment of children: an allowlist, never what is left after removing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

#: What every program may inherit.
COMMON: Final = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_*",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


def filter_environment(
    environ: Mapping[str, str], patterns: Sequence[str], more: Sequence[str] = ()
) -> dict[str, str]:
    """Return the variables that a child may inherit.

    Args:
        environ: What there is.
        patterns: Names; a final `*` stands for any ending.
        more: More of them, from settings. Ours (`CC_EXECUTOR_*`) are never passed on.
    """
    allowed = (*patterns, *more)
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith("CC_EXECUTOR_") and any(_fits(name, one) for one in allowed)
    }


def _fits(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
