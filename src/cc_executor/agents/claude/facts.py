"""What the messages of one attempt amount to: the facts on which it is judged."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cc_executor.agents.claude.account import Account, Charge
from cc_executor.agents.claude.activity import ActivityTracker
from cc_executor.agents.claude.fields import Fields
from cc_executor.agents.claude.messages import denial_of, is_synthetic
from cc_executor.agents.claude.tables import TERMINAL_REASONS, UNFINISHED
from cc_executor.model.events import LimitNotice, ResultReported
from cc_executor.model.outcomes import Denial

_MAX_DENIALS: Final = 1_000
_MAX_ERRORS: Final = 20
_MAX_ERROR_CHARS: Final = 2_000
_MAX_ID_CHARS: Final = 200


class ResultFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One `result` message, without what is counted elsewhere.

    Attributes:
        text: `result`: the model's last words, or the CLI's when `is_error`.
        structured: `structured_output`, `UNSET` when there is none.
        errors: `errors`, shortened.
        startup_failure: `startup_failure_reason`: it could not even begin.
        api_error: The CLI's word for the API failure before it: `rate_limit`, ...
    """

    subtype: str | None = None
    is_error: bool | None = None
    terminal_reason: str | None = None
    api_status: int | None = None
    text: str | None = None
    structured: Any = msgspec.UNSET
    errors: tuple[str, ...] = ()
    num_turns: int | None = None
    startup_failure: str | None = None
    api_error: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it says, in any of the ways it has, that the work is not done."""
        reason = self.terminal_reason or ""
        unfinished = reason in TERMINAL_REASONS or reason in UNFINISHED
        return self.is_error is True or self.subtype != "success" or unfinished


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known about one attempt when it has ended, but for its exit.

    Attributes:
        results: How many results came.
        result: The first of them that failed, else the last.
        text: The last answer that says something.
        is_working: No result came since the model last worked.
        denials: Every tool that was refused, each once.
        limit: The last report on the account's usage window.
        complaint: The last line of stderr.
        stderr: The end of stderr.
        oversized_lines: Lines of stdout that were too long to be read.
        wants_structure: It was asked for structured output.
    """

    results: int = 0
    result: ResultFacts | None = None
    text: str | None = None
    structured: Any = msgspec.UNSET
    num_turns: int | None = None
    is_working: bool = True
    denials: tuple[Denial, ...] = ()
    limit: LimitNotice | None = None
    complaint: str = ""
    stderr: str = ""
    oversized_lines: int = 0
    charge: Charge = Charge(None, None)
    model: str | None = None
    session_id: str | None = None
    wants_structure: bool = False


class Notebook:
    """Collects the facts of one attempt, message by message, in bounded memory.

    Args:
        resumes: Whether the attempt carries on a session, so that its totals began before it.
    """

    def __init__(self, *, resumes: bool) -> None:
        self._account = Account(fresh=not resumes)
        self._results = 0
        self._result: ResultFacts | None = None
        self._text: str | None = None
        self._structured: Any = msgspec.UNSET
        self._num_turns: int | None = None
        self._api_error: str | None = None
        self._denials: dict[object, Denial] = {}
        self._limit: LimitNotice | None = None
        self._model: str | None = None
        self._session_id: str | None = None

    def note(self, kind: str, message: Fields) -> None:
        """Take the next message, of any kind but `result`."""
        if self._session_id is None or kind == "system/init":
            self._session_id = (message.text("session_id") or "")[:_MAX_ID_CHARS] or None
        if kind == "system/init":
            self._model = message.text("model")
        elif kind == "assistant" and is_synthetic(message):
            self._api_error = message.text("error")
        elif kind == "system/permission_denied":
            self._deny(denial_of(message))

    def note_limit(self, notice: LimitNotice) -> None:
        """Take a report on the account's usage window."""
        self._limit = notice

    def note_result(self, kind: str, message: Fields) -> ResultReported:
        """Take a result; what it costs is booked here, once."""
        self.note(kind, message)
        result = _result_facts(message, self._api_error)
        self._api_error = None
        if self._result is None or not self._result.failed:
            self._result = result
        self._results += 1
        if not result.is_error:
            # The last that says something: a background task's end may leave nothing to say.
            self._text = result.text or self._text
        if result.structured is not msgspec.UNSET:
            self._structured = result.structured
        if result.num_turns is not None:
            self._num_turns = (self._num_turns or 0) + result.num_turns
        for denied in message.children("permission_denials"):
            self._deny(denial_of(denied))
        charge = self._account.add(message)
        return ResultReported(
            is_error=result.failed,
            text=result.text,
            cost_usd=charge.cost_usd,
            usage=charge.usage,
        )

    def facts(
        self,
        activity: ActivityTracker,
        *,
        complaint: str,
        stderr: str,
        oversized_lines: int,
        wants_structure: bool,
    ) -> Facts:
        """Return everything that was noted, with what only the reader knows."""
        # A turn that was cut short has cost something that no result tells.
        known = self._results > 0 and not activity.is_working
        return Facts(
            results=self._results,
            result=self._result,
            text=self._text,
            structured=self._structured,
            num_turns=self._num_turns,
            is_working=activity.is_working,
            denials=tuple(self._denials.values()),
            limit=self._limit,
            complaint=complaint,
            stderr=stderr,
            oversized_lines=oversized_lines,
            charge=self._account.total() if known else Charge(None, None),
            model=self._model,
            session_id=self._session_id,
            wants_structure=wants_structure,
        )

    def _deny(self, denial: Denial) -> None:
        if len(self._denials) < _MAX_DENIALS:
            self._denials.setdefault(denial.tool_use_id or len(self._denials), denial)


def _result_facts(message: Fields, api_error: str | None) -> ResultFacts:
    errors = message.texts("errors")[:_MAX_ERRORS]
    return ResultFacts(
        subtype=message.text("subtype"),
        is_error=message.flag("is_error"),
        terminal_reason=message.text("terminal_reason"),
        api_status=message.integer("api_error_status"),
        text=message.text("result"),
        structured=message.value("structured_output"),
        errors=tuple(error[:_MAX_ERROR_CHARS] for error in errors),
        num_turns=message.integer("num_turns"),
        startup_failure=message.text("startup_failure_reason"),
        api_error=api_error,
    )
