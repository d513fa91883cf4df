"""What a declaration says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

PREFIX: Final = "CC_EXECUTOR_"


class Setting(NamedTuple):
    """One declaration.

    Attributes:
        name: Key in files and attribute of `Settings`; `--name-with-dashes` as a flag.
        parse: Turns text, or a TOML value, into the value; raises ValueError with what is wrong.
        default: Value when nobody sets it; None: `compute` makes it, or there is none.
        unit: Of the value; empty for none.
        doc: What it means.
        own_variable: Environment variable; empty: `CC_EXECUTOR_` and the name.
        compute: Makes a default that depends on the machine; `doc` says how.
        personal: Widens what agents may do, see or run: `./cc-executor.toml`, which may have come
            with somebody else's repository, must not set it.
        also: Second environment variable, an older name.
        secret: The value is not shown.
        of_server: Only `cc-executor server` and its clients ask for it.
    """

    name: str
    parse: Callable[[object], Any]
    default: Any
    unit: str
    doc: str
    own_variable: str = ""
    compute: Callable[[], Any] | None = None
    personal: bool = False
    also: str = ""
    secret: bool = False
    of_server: bool = False

    @property
    def variable(self) -> str:
        """The environment variable."""
        return self.own_variable or f"{PREFIX}{self.name.upper()}"

    @property
    def flag(self) -> str:
        """The flag on the command line."""
        return f"--{self.name.replace('_', '-')}"
