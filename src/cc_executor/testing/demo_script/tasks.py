"""What the demo asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

PROGRAM_PROMPT: Final = (
    "Write todo.py: a to-do list kept in a JSON file, usable as a module and as a program with "
    "the commands add, list, done and remove. Standard library only."
)
TESTS_PROMPT: Final = (
    "Read todo.py and write test_todo.py with unittest: the list, the commands, and what must "
    "be refused. Run the tests and make them pass."
)
README_PROMPT: Final = (
    "Try the program once and write README.md: what it is, how to use it, with the output that "
    "it really gave, and how to run its tests."
)

# `acceptEdits` covers Write and Edit; running Python needs the rule. Both hold for root too,
# which may not use bypassPermissions (measured with 2.1.331).
_PERMISSIONS: Final[Mapping[str, object]] = MappingProxyType(
    {"permission_mode": "acceptEdits", "allowed_tools": ("Bash(python3 *)",)}
)

TASKS: Final[Sequence[Mapping[str, object]]] = (
    {"name": "program", "prompt": PROGRAM_PROMPT, **_PERMISSIONS},
    {"name": "tests", "prompt": TESTS_PROMPT, **_PERMISSIONS},
    {"name": "readme", "prompt": README_PROMPT, **_PERMISSIONS},
)

# Run in the workspace after the list: the proof that does not take the agent's word for it.
CHECK: Final = ("python3", "-B", "-m", "unittest", "-q")
