"""The files that an agent names as its own work, as its answer has them."""

from __future__ import annotations

from typing import Any, Final, Literal

from cc_executor.model.evidence import ClaimedFile

#: Beyond it nothing is listed: such a claim is not worth checking, and says so.
MAX_CLAIMS: Final = 10_000

_FIELDS: Final[tuple[tuple[str, Literal["created", "modified"]], ...]] = (
    ("files_created", "created"),
    ("files_modified", "modified"),
)


def claimed_files(answer: Any) -> tuple[ClaimedFile, ...] | None:  # noqa: ANN401 - any JSON value
    """Return what `files_created` and `files_modified` of an answer name; None without either.

    Whatever is named there is a claim, also where the caller brought a schema of their own: a path
    that a model wrote is never believed.
    """
    if not isinstance(answer, dict):
        return None
    lists = [(answer[field], how) for field, how in _FIELDS if isinstance(answer.get(field), list)]
    if not lists:
        return None
    named = dict.fromkeys(
        ClaimedFile(path, how) for paths, how in lists for path in paths if isinstance(path, str)
    )
    return tuple(named)[:MAX_CLAIMS]
