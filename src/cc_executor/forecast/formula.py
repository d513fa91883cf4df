"""The first forecast: what bounds a task of which there is no history yet."""

from __future__ import annotations

from typing import Final

#: The usual rule of thumb for English prose and code. Other scripts differ by a factor of two or
#: so, which a bound with a constant part of a minute does not feel.
BYTES_PER_TOKEN: Final = 4


def estimate_tokens(text: str) -> int:
    """Return roughly how many tokens a model sees in `text`; at least 1 where there is text.

    A local estimate: nothing is downloaded, nobody is asked.
    """
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    return -(-size_bytes // BYTES_PER_TOKEN)


def first_timeout_s(token_count: int, *, base_s: float, per_token_s: float, max_s: float) -> float:
    """Return the seconds that a task may take before there is any history.

    Args:
        token_count: Tokens of the first request: the prompt, and what the agent puts before it.
        base_s: What every task gets.
        per_token_s: What each token adds.
        max_s: The cap.
    """
    return min(max_s, base_s + per_token_s * token_count)
