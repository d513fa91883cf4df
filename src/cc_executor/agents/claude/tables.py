"""The laws by which Claude Code's words are read: from what it says to a failure.

`subtype: "success"` alone means nothing: with `is_error` it is the usual shape of an API failure,
and a run whose tools were refused, or whose schema was ignored, calls itself a success and exits 0.
Source: measured, 2.1.330 and 2.1.331, where nothing else is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from cc_executor.model.failures import Failure

#: Why it stopped, in its own words, where they are more exact than anything else it says.
#: Source: the list in the binary of 2.1.331; half of them were seen.
TERMINAL_REASONS: Final[Mapping[str, Failure]] = {
    "aborted_streaming": Failure.INTERRUPTED,
    "aborted_tools": Failure.INTERRUPTED,
    "max_turns": Failure.MAX_TURNS,
    "budget_exhausted": Failure.BUDGET,
    "prompt_too_long": Failure.CONTEXT_OVERFLOW,
    "blocking_limit": Failure.CONTEXT_OVERFLOW,
    "rapid_refill_breaker": Failure.CONTEXT_OVERFLOW,
    "structured_output_retry_exhausted": Failure.SCHEMA_VIOLATION,
}

#: Other ways to stop before the work is done, whatever `is_error` says. Words that are nowhere
#: here (`completed`, those of newer versions) add nothing to `is_error`.
UNFINISHED: Final[Mapping[str, str]] = {
    "api_error": "It ended with an API error.",
    "background_requested": "It was moved to the background.",
    "hook_stopped": "A hook stopped it.",
    "image_error": "It could not use an image.",
    "malformed_tool_use_exhausted": "The model asked for tools in a form that cannot be read.",
    "model_error": "The model failed.",
    "stop_hook_prevented": "A Stop hook ended it.",
    "tool_deferred": "A tool was deferred and nobody carries on.",
    "tool_deferred_unavailable": "A deferred tool is not there any more.",
    "turn_setup_failed": "Its turn could not be set up.",
}

#: For versions that give no terminal reason.
SUBTYPES: Final[Mapping[str, Failure]] = {
    "error_max_turns": Failure.MAX_TURNS,
    "error_max_budget_usd": Failure.BUDGET,
    "error_max_structured_output_retries": Failure.SCHEMA_VIOLATION,
}

#: Sentences of the CLI itself, on stderr or as the text of a failed result; never looked for in
#: what a model said.
SENTENCES: Final[tuple[tuple[re.Pattern[str], Failure], ...]] = tuple(
    (re.compile(pattern, re.MULTILINE), failure)
    for pattern, failure in (
        (r"^Not logged in\b", Failure.NOT_LOGGED_IN),
        (r"^Prompt is too long\b", Failure.CONTEXT_OVERFLOW),
        (r"^You've (hit|reached) your .*\blimit\b", Failure.USAGE_LIMIT),
        (r"^You're out of usage credits\b", Failure.USAGE_LIMIT),
        # Versions before 2: `Claude AI usage limit reached|1760000000`.
        (r"^(Claude AI )?[Uu]sage limit reached\b", Failure.USAGE_LIMIT),
        (r"^Credit balance is too low\b", Failure.BILLING),
        (r"\bSession ID \S+ is already in use", Failure.AGENT_SESSION),
        (r"^No conversation found with session ID", Failure.AGENT_SESSION),
        (r"^Error: --resume requires a valid session", Failure.AGENT_SESSION),
        (r"^--\S+ cannot be used with root/sudo privileges", Failure.BAD_INVOCATION),
        (r"^error: ", Failure.BAD_INVOCATION),  # its argument parser
        (r"^Error: (--|When using --|Invalid |Input |Settings file )", Failure.BAD_INVOCATION),
        (r"^--\S+ '.*' not found\.", Failure.BAD_INVOCATION),
    )
)

#: When a usage window resets, in the words of versions that gave no event: seconds since the
#: epoch. A time of day (`resets 3pm`) names no day, and is not made into one.
LIMIT_RESET: Final = re.compile(r"\busage limit reached\|(\d{10})\b", re.IGNORECASE)
#: How long to leave the model API alone, where its error says so.
RETRY_AFTER: Final = re.compile(
    r"\b(?:retry[- ]after|(?:try again|retry) in):? (\d{1,6}(?:\.\d+)?)"
    r"(?: ?(s|m|h|secs?|seconds?|mins?|minutes?|hrs?|hours?)\b|(?= *(?:[.,;)]|$)))",
    re.IGNORECASE | re.MULTILINE,
)

#: The word of a synthetic message: more exact than the status, where the two differ.
API_ERRORS: Final[Mapping[str, Failure]] = {
    "model_not_found": Failure.INVALID_MODEL,
    "billing_error": Failure.BILLING,
    "account_on_hold": Failure.AUTHENTICATION,
    "verification_required": Failure.AUTHENTICATION,
    "oauth_org_not_allowed": Failure.AUTHENTICATION,
    "cloud_credential_error": Failure.AUTHENTICATION,
    "max_output_tokens": Failure.AGENT_ERROR,
}

#: HTTP status of the model API. Any other one is an API error.
API_STATUSES: Final[Mapping[int, Failure]] = {
    401: Failure.AUTHENTICATION,
    402: Failure.BILLING,
    403: Failure.AUTHENTICATION,
    413: Failure.CONTEXT_OVERFLOW,
    429: Failure.RATE_LIMITED,
    529: Failure.OVERLOADED,
}

#: Where there is no status. `server_error` stands for a refused connection, too.
API_ERRORS_WITHOUT_STATUS: Final[Mapping[str, Failure]] = {
    "authentication_failed": Failure.NOT_LOGGED_IN,  # it did not even ask
    "rate_limit": Failure.RATE_LIMITED,
    "overloaded": Failure.OVERLOADED,
    "server_error": Failure.API_ERROR,
    "invalid_request": Failure.API_ERROR,
    "unknown": Failure.API_ERROR,
}

#: Its exit status when it has caught a signal and cleaned up, 128 + number. On SIGINT it gives a
#: result, too, and 0.
CAUGHT_SIGNALS: Final[Mapping[int, str]] = {129: "SIGHUP", 130: "SIGINT", 143: "SIGTERM"}
