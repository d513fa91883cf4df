"""Every setting, declared once: variables, flags and documentation derive from here.

Precedence: defaults < `~/.config/cc-executor/config.toml` < `./cc-executor.toml` < environment <
flags. An unknown name is refused with the nearest known one.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from cc_executor.errors import InvalidSetting

PREFIX: Final = "CC_EXECUTOR_"
#: Variables of ours that are not settings: markers that we set for children and tests.
_INTERNAL: Final = frozenset(
    {
        "CC_EXECUTOR_ATTEMPT",
        "CC_EXECUTOR_CHAOS_ROUNDS",
        "CC_EXECUTOR_CHAOS_SEED",
        "CC_EXECUTOR_CRASH_POINT",
    }
)
#: Names that must never be passed on to children.
_SECRET_PREFIXES: Final = (PREFIX, "REDIS_")


class Setting(NamedTuple):
    """One declaration.

    Attributes:
        name: Key in files and attribute of `Settings`; `--name-with-dashes` as a flag.
        variable: Environment variable.
        parse: Turns text, or a TOML value, into the value; raises ValueError with what is wrong.
        default: Value when nobody sets it.
        unit: Of the value; empty for none.
        doc: What it means.
    """

    name: str
    variable: str
    parse: Callable[[Any], Any]
    default: Any
    unit: str
    doc: str

    @property
    def flag(self) -> str:
        """The flag on the command line."""
        return f"--{self.name.replace('_', '-')}"


def _seconds(*, zero: bool = False) -> Callable[[Any], float]:
    def parse(value: Any) -> float:  # noqa: ANN401 - text or a TOML value
        seconds = _number(value)
        if seconds < 0 or (seconds == 0 and not zero) or seconds == float("inf"):
            raise ValueError("must be a number of seconds " + ("from 0" if zero else "above 0"))
        return seconds

    return parse


def _count(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:  # noqa: ANN401 - text or a TOML value
        number = _number(value)
        if number != int(number) or not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(number)

    return parse


def _number(value: Any) -> float:  # noqa: ANN401 - text or a TOML value
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - one kind of error for all
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is not a number") from None
    if number != number:  # noqa: PLR0124 - only a NaN is not itself
        raise ValueError("NaN is not a number")
    return number


def _names(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - text or a TOML value
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("must be names separated by commas")
    return tuple(one for one in value if one)


def _passed(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - text or a TOML value
    names = _names(value)
    for name in names:
        stem = name.rstrip("*")
        for prefix in _SECRET_PREFIXES:
            if name.startswith(prefix) or (name.endswith("*") and prefix.startswith(stem)):
                raise ValueError(f"{name!r} would pass our own secrets on to agents")
    return names


def _choice(*words: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:  # noqa: ANN401 - text or a TOML value
        if value in words:
            return str(value)
        raise ValueError(f"must be one of {', '.join(words)}")

    return parse


def _log_level(value: Any) -> str:  # noqa: ANN401 - text or a TOML value
    return _choice("DEBUG", "INFO", "WARNING", "ERROR")(str(value).upper())


def _absolute(value: Any) -> str:  # noqa: ANN401 - text or a TOML value
    path = os.path.expanduser(str(value))  # noqa: PTH111 - text in, text out
    if not os.path.isabs(path):  # noqa: PTH117 - text, not a Path
        raise ValueError("must be an absolute path")
    return path


def _path(value: Any) -> Path:  # noqa: ANN401 - text or a TOML value
    if not isinstance(value, str) or not value:
        raise ValueError("must be a path")
    return Path(value).expanduser().absolute()


def _default_home() -> Path:
    from platformdirs import user_state_path

    return user_state_path("cc-executor")


_MODES: Final = (
    "default",
    "acceptEdits",
    "auto",
    "bypassPermissions",
    "manual",
    "dontAsk",
    "plan",
)
#: Agents whose executable may be named.
AGENTS: Final = ("claude",)

SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "home",
        "CC_EXECUTOR_HOME",
        _path,
        None,
        "",
        "State directory: the database and the attempts' output. "
        "Default: the platform's directory for state.",
    ),
    *(
        Setting(
            f"{agent}_bin",
            f"CC_EXECUTOR_{agent.upper()}_BIN",
            _absolute,
            None,
            "",
            f"Absolute path of the {agent} executable. Default: on PATH, else the bundled one.",
        )
        for agent in AGENTS
    ),
    Setting(
        "claude_permission_mode",
        "CC_EXECUTOR_CLAUDE_PERMISSION_MODE",
        _choice(*_MODES),
        "acceptEdits",
        "",
        "What Claude Code may do without asking, where a task does not say.",
    ),
    Setting(
        "pass_env",
        "CC_EXECUTOR_PASS_ENV",
        _passed,
        (),
        "",
        "More variables that children may inherit; names, or prefixes ending in `*`.",
    ),
    Setting(
        "allowed_commands",
        "ALLOWED_COMMANDS",
        _names,
        (),
        "",
        "Executables that `command` tasks may run, as paths or names. Default: any.",
    ),
    Setting(
        "max_timeout_s",
        "CC_EXECUTOR_MAX_TIMEOUT_S",
        _seconds(),
        14_400.0,
        "s",
        "No attempt lasts longer, whatever its task says.",
    ),
    Setting(
        "timeout_base_s",
        "CC_EXECUTOR_TIMEOUT_BASE_S",
        _seconds(),
        60.0,
        "s",
        "Constant part of `timeout: auto` before there is history.",
    ),
    Setting(
        "timeout_per_token_s",
        "CC_EXECUTOR_TIMEOUT_PER_TOKEN_S",
        _seconds(zero=True),
        0.05,
        "s",
        "What each token of the first request adds to it.",
    ),
    Setting(
        "start_timeout_s",
        "CC_EXECUTOR_START_TIMEOUT_S",
        _seconds(),
        120.0,
        "s",
        "Longest silence of an agent before its first output.",
    ),
    Setting(
        "idle_timeout_s",
        "CC_EXECUTOR_IDLE_TIMEOUT_S",
        _seconds(),
        900.0,
        "s",
        "Longest time of an agent without progress; open tools and retries do not count.",
    ),
    Setting(
        "grace_s",
        "CC_EXECUTOR_GRACE_S",
        _seconds(zero=True),
        10.0,
        "s",
        "How long a process may stay after its result.",
    ),
    Setting(
        "orphan_grace_s",
        "CC_EXECUTOR_ORPHAN_GRACE_S",
        _seconds(zero=True),
        600.0,
        "s",
        "How long a detached agent lives on without any engine.",
    ),
    Setting(
        "max_concurrency",
        "CC_EXECUTOR_MAX_CONCURRENCY",
        _count(1, 1000),
        4,
        "",
        "Most tasks of one list at once.",
    ),
    Setting(
        "output_limit_mb",
        "CC_EXECUTOR_OUTPUT_LIMIT_MB",
        _count(1, 10_000_000),
        4096,
        "MiB",
        "Most output of one attempt; beyond it the attempt is stopped.",
    ),
    Setting(
        "containment",
        "CC_EXECUTOR_CONTAINMENT",
        _choice("auto", "cgroup", "scan"),
        "auto",
        "",
        "How process trees are found: by cgroup, by scanning, or the best there is.",
    ),
    Setting(
        "log_level",
        "LOG_LEVEL",
        _log_level,
        "INFO",
        "",
        "Least severity that is logged, to stderr.",
    ),
    Setting(
        "log_format",
        "LOG_FORMAT",
        _choice("auto", "text", "json"),
        "auto",
        "",
        "Text on a terminal, JSON elsewhere, or always the same.",
    ),
)
_BY_NAME: Final = {setting.name: setting for setting in SETTINGS}
_BY_VARIABLE: Final = {setting.variable: setting for setting in SETTINGS}


class Row(NamedTuple):
    """One setting as it stands."""

    name: str
    value: Any
    unit: str
    origin: str
    variable: str
    doc: str


class Settings:
    """Values that know where they came from. Frozen: change one by loading again.

    Args:
        values: By name; all of them.
        origins: By name: `default`, `environment`, `flag`, or a file.
    """

    def __init__(self, values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._origins = dict(origins)

    home: Path
    claude_bin: str | None
    claude_permission_mode: str
    pass_env: tuple[str, ...]
    allowed_commands: tuple[str, ...]
    max_timeout_s: float
    timeout_base_s: float
    timeout_per_token_s: float
    start_timeout_s: float
    idle_timeout_s: float
    grace_s: float
    orphan_grace_s: float
    max_concurrency: int
    output_limit_mb: int
    containment: str
    log_level: str
    log_format: str

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - typed above
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def agent_bins(self) -> dict[str, str]:
        """Executables by agent, where they are named."""
        return {
            agent: path for agent in AGENTS if (path := self._values[f"{agent}_bin"]) is not None
        }

    def describe(self) -> tuple[Row, ...]:
        """Return every setting with its value, unit and origin."""
        return tuple(
            Row(
                one.name,
                self._values[one.name],
                one.unit,
                self._origins[one.name],
                one.variable,
                one.doc,
            )
            for one in SETTINGS
        )

    def as_flags(self) -> dict[str, str]:
        """Return what differs from the defaults, as flags that another process can be given."""
        return {
            name: ",".join(value) if isinstance(value, tuple) else str(value)
            for name, value in self._values.items()
            if self._origins[name] != "default"
        }


def load_settings(
    *,
    environ: Mapping[str, str],
    flags: Mapping[str, str] | None = None,
    config_files: Sequence[Path] | None = None,
) -> Settings:
    """Return the settings in force. Blocking (files).

    Args:
        environ: The environment.
        flags: What the command line, or a caller, sets, by name.
        config_files: Files, the last winning; None: the user's and the current directory's.

    Raises:
        InvalidSetting: A name is unknown or a value is out of its range; says where it was set.
    """
    values = {setting.name: setting.default for setting in SETTINGS}
    origins = dict.fromkeys(values, "default")
    sources: list[tuple[str, Mapping[str, Any]]] = [
        (str(file), _from_file(file))
        for file in (_usual_files(environ) if config_files is None else config_files)
    ]
    sources.append(("environment", _from_environment(environ)))
    sources.append(("flag", flags or {}))
    for origin, given in sources:
        for name, value in given.items():
            values[name] = _parsed(name, value, origin)
            origins[name] = origin
    if values["home"] is None:
        values["home"] = _default_home()
    return Settings(values, origins)


def _parsed(name: str, value: object, origin: str) -> Any:  # noqa: ANN401 - as declared
    setting = _BY_NAME.get(name)
    if setting is None:
        raise _unknown(name, _BY_NAME, origin)
    try:
        return setting.parse(value)
    except ValueError as error:
        raise InvalidSetting(name, str(error), origin=origin) from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    given = {}
    for variable, value in environ.items():
        setting = _BY_VARIABLE.get(variable)
        if setting is not None and value:
            given[setting.name] = value
        elif setting is None and variable.startswith(PREFIX) and variable not in _INTERNAL:
            raise _unknown(variable, _BY_VARIABLE, "environment")
    return given


def _from_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise InvalidSetting(
            str(file), f"cannot be read: {error.strerror}", origin="file"
        ) from error
    try:
        return tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(str(file), str(error), origin="file") from error


def _usual_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    config = environ.get("XDG_CONFIG_HOME") or os.path.join(  # noqa: PTH118 - may be relative
        environ.get("HOME", "/"), ".config"
    )
    return (Path(config, "cc-executor", "config.toml"), Path("cc-executor.toml").absolute())


def _unknown(name: str, known: Mapping[str, object], origin: str) -> InvalidSetting:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]}?" if near else None
    return InvalidSetting(name, "is not a setting", origin=origin, hint=hint)


def reference() -> str:
    """Return the table of docs/reference/settings.md."""
    lines = ["| flag | variable | default | meaning |", "|---|---|---|---|"]
    for one in SETTINGS:
        default = "" if one.default in (None, ()) else f"{one.default}"
        unit = f" {one.unit}" if one.unit and default else ""
        lines.append(f"| `{one.flag}` | `{one.variable}` | {default}{unit} | {one.doc} |")
    return "\n".join(lines) + "\n"
