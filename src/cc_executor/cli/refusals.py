"""The one place that tells people and programs that a request was refused."""

from __future__ import annotations

import json
import sys
from typing import Any

from cc_executor.cli.exits import Exit, of_refusal
from cc_executor.errors import CCExecutorError


def show(refusal: CCExecutorError, *, as_json: bool) -> Exit:
    """Print the refusal, for people on stderr or as an object on stdout; return the exit code."""
    if as_json:
        sys.stdout.write(json.dumps(as_object(refusal), ensure_ascii=False) + "\n")
        sys.stdout.flush()
    else:
        sys.stderr.write(as_text(refusal))
    return of_refusal(refusal)


def as_text(refusal: CCExecutorError) -> str:
    """Return what people read."""
    hint = f"  hint: {refusal.hint}\n" if refusal.hint else ""
    return f"error: {refusal} [{refusal.code}]\n{hint}"


def as_object(refusal: CCExecutorError) -> dict[str, Any]:
    """Return what programs read."""
    return {
        "error": {
            "code": refusal.code,
            "message": str(refusal),
            "hint": refusal.hint,
            "retryable": refusal.retryable,
        }
    }
