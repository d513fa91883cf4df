"""Contract suites: what each port promises, as tests for whoever implements it.

Subclass one in a test module, give it the fixture that it asks for, and pytest runs it.
"""

from __future__ import annotations

import pytest

_SUITES = (
    "clock",
    "engines",
    "executables",
    "journals",
    "nudges",
    "owners",
    "process",
    "sessions",
    "store",
    "workspaces",
)

# Their asserts shall say as much as those of a test module.
for _suite in _SUITES:
    pytest.register_assert_rewrite(f"{__name__}.{_suite}")
