"""Names and modes of what lies in an attempt folder. Standard library only."""

from __future__ import annotations

from typing import Final

#: What was asked for, without the values of environment variables: those may be secrets.
LAUNCH: Final = "launch.json"
#: What the child reads; missing when it reads nothing.
STDIN: Final = "stdin"
#: Raw bytes of both streams in order of arrival.
OUTPUT: Final = "output"
#: One fixed-size record for each chunk of `output`.
INDEX: Final = "index"
#: Unix socket of the supervisor.
CONTROL: Final = "control"
#: Held (flock) by the supervisor for as long as it lives; says who it is and what marks its tree.
LOCK: Final = "lock"
#: How it ended, put in place whole.
OUTCOME: Final = "outcome.json"

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
