"""What is known of the usage windows of logins. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from cc_executor.model.retries import is_credible

REJECTED: Final = "rejected"
WARNED: Final = "allowed_warning"
#: From which share on those who park start one after the other.
_NEARLY: Final = 0.9
#: The window of reports that do not say which one they mean.
UNNAMED: Final = "account"
#: How much later than the reset a task starts: a share of the window's rest, within bounds.
_JITTER_SHARE: Final = 0.05
_JITTER_S: Final = (1.0, 60.0)


class UsageWindow(msgspec.Struct, frozen=True, kw_only=True):
    """One window of one login, as it was reported last. Instants are seconds since the epoch, UTC.

    Attributes:
        credential: Fingerprint of the login; the login cannot be found from it.
        name: In the agent's words: `five_hour`.
        status: `allowed`, `allowed_warning`, `rejected`.
        resets_at: As reported; None: not reported, or it could not be true.
        utilization: Share of the window that is used, as reported.
        seen_at: When it was reported.
    """

    credential: str
    name: str
    status: str
    resets_at: float | None
    utilization: float | None
    seen_at: float


def shut(windows: Iterable[UsageWindow], now_s: float) -> UsageWindow | None:
    """Return the window that keeps the login from being used, the one that resets last.

    None: nothing does, as far as is known. A rejection without a time of reset keeps nobody: when
    it ends is not known.
    """
    rejected = [
        window
        for window in windows
        if window.status == REJECTED
        and window.resets_at is not None
        and is_credible(window.resets_at, now_s)
    ]
    return max(rejected, key=_resets_at, default=None)


def nearly_used_up(windows: Iterable[UsageWindow], now_s: float) -> UsageWindow | None:
    """Return a window that an agent has warned of, and of which little is left; None: none is.

    Whoever starts many tasks on it has many of them cut short.
    """
    for window in windows:
        is_now = window.resets_at is not None and is_credible(window.resets_at, now_s)
        if window.status == WARNED and is_now and (window.utilization or 0.0) >= _NEARLY:
            return window
    return None


def opens_at(window: UsageWindow) -> float:
    """Return when tasks start again after a window's reset: a little later, the same for all.

    Different state directories start at different moments: their fingerprints differ.
    """
    resets_at = _resets_at(window)
    low_s, high_s = _JITTER_S
    most_s = min(max((resets_at - window.seen_at) * _JITTER_SHARE, low_s), high_s)
    share = int(window.credential[:8], 16) / 0x1_0000_0000
    return resets_at + share * most_s


def _resets_at(window: UsageWindow) -> float:
    return window.resets_at or 0.0
