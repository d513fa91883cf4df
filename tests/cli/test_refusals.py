from __future__ import annotations

import json

import pytest

from cc_executor.cli import refusals
from cc_executor.errors import ExecutionNotFound, StoreUnavailable


def test_people_read_what_is_wrong_its_code_and_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = refusals.show(ExecutionNotFound("01k9"), as_json=False)

    out, err = capsys.readouterr()
    assert code == 3
    assert out == ""
    assert err == (
        "error: no execution '01k9' [execution.not_found]\n"
        "  hint: List what there is with `cc-executor ps --all`.\n"
    )


def test_programs_read_one_object_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    refusals.show(StoreUnavailable("disk full"), as_json=True)

    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == {
        "error": {
            "code": "store.unavailable",
            "message": "the store is unavailable: disk full",
            "hint": StoreUnavailable.hint,
            "retryable": True,
        }
    }
