"""Where values come from, and which of them wins."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from cc_executor.errors import InvalidSetting
from cc_executor.settings.declared import AGENTS, SETTINGS
from cc_executor.settings.setting import PREFIX, Setting

#: Variables of ours that are not settings: markers that we set for children and tests.
_INTERNAL: Final = frozenset(
    {
        "CC_EXECUTOR_ATTEMPT",
        "CC_EXECUTOR_CHAOS_ROUNDS",
        "CC_EXECUTOR_CHAOS_SEED",
        "CC_EXECUTOR_CRASH_POINT",
    }
)
_PROJECT_FILE: Final = "cc-executor.toml"
_BY_NAME: Final = {setting.name: setting for setting in SETTINGS}
_BY_VARIABLE: Final = {setting.variable: setting for setting in SETTINGS} | {
    setting.also: setting for setting in SETTINGS if setting.also
}


class Row(NamedTuple):
    """One setting as it stands."""

    name: str
    value: Any
    unit: str
    origin: str
    variable: str
    doc: str


class _Given(NamedTuple):
    """What somebody has set.

    Attributes:
        name: The setting's name.
        written: Its name as it stands there, for errors.
        value: Text or a TOML value.
        origin: `flag`, `environment`, or a file with its line.
    """

    name: str
    written: str
    value: object
    origin: str


class Settings:
    """Values that know where they came from. Frozen: to change one, load again.

    Args:
        values: By name; all of them.
        origins: By name: `default`, `flag`, `environment`, or a file with its line.
    """

    __slots__ = ("_origins", "_values")  # so that nothing below can be set, either

    home: Path
    claude_bin: str | None
    claude_permission_mode: str
    pass_env: tuple[str, ...]
    allowed_commands: tuple[str, ...]
    max_timeout_s: float
    max_paused_s: float
    timeout_base_s: float
    timeout_per_token_s: float
    start_timeout_s: float
    idle_timeout_s: float
    grace_s: float
    orphan_grace_s: float
    max_concurrency: int
    park: bool
    max_running: int
    output_limit_mb: int
    memory_per_task_mb: int
    processes_per_task: int
    file_size_limit_mb: int
    disk_per_task_mb: int
    files_per_task: int
    memory_floor_mb: int
    disk_floor_mb: int
    containment: str
    budget_workspace_usd: float | None
    budget_workspace_tokens: int | None
    budget_workspace_turns: int | None
    budget_workspace_minutes: float | None
    budget_day_usd: float | None
    budget_day_tokens: int | None
    budget_day_turns: int | None
    budget_day_minutes: float | None
    budget_unknown_cost: str
    log_level: str
    log_format: str
    host: str
    port: int
    socket: Path | None
    tls_cert: Path | None
    tls_key: Path | None
    trusted_proxies: tuple[str, ...]
    token_file: Path | None
    allowed_origins: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    insecure_no_auth: bool
    ws_max_size: int
    ws_ping_interval: float
    ws_ping_timeout: float
    ws_deflate: bool
    max_fragments: int
    max_json_depth: int
    max_batch: int
    max_outstanding: int
    max_subscriptions: int
    max_connections: int
    max_unauthenticated: int
    handshake_timeout_s: float
    rate_per_minute: int
    max_queued: int
    max_sessions: int
    session_timeout: float
    redis_url: str | None
    redis_pool_size: int
    redis_timeout: float
    min_free_disk_mb: int
    min_free_memory_mb: int
    drain: str
    drain_timeout_s: float
    server: str | None
    server_ca: Path | None

    def __init__(self, values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._origins = dict(origins)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - typed above
        if name in _BY_NAME:
            return self._values[name]
        raise AttributeError(name)

    @property
    def agent_bins(self) -> dict[str, str]:
        """Executables by agent, where they are named."""
        bins = {agent: self._values[f"{agent}_bin"] for agent in AGENTS}
        return {agent: path for agent, path in bins.items() if path is not None}

    def origin(self, name: str) -> str:
        """Return where a setting was set: `default`, `flag`, `environment`, or a file's line."""
        return self._origins[name]

    def describe(self) -> tuple[Row, ...]:
        """Return every setting with its value, unit and origin."""
        return tuple(
            Row(
                one.name,
                _shown(one, self._values[one.name]),
                one.unit,
                self._origins[one.name],
                one.variable,
                one.doc,
            )
            for one in SETTINGS
        )

    def as_flags(self, *, of_server: bool = False) -> dict[str, str]:
        """Return what differs from the defaults, as flags that another engine can be given.

        Args:
            of_server: Also what only a server asks for. It may be secret: not for an argv, which
                everybody on the machine can see.
        """
        return {
            name: ",".join(value) if isinstance(value, tuple) else str(value)
            for name, value in self._values.items()
            if self._origins[name] != "default" and (of_server or not _BY_NAME[name].of_server)
        }


def _shown(setting: Setting, value: Any) -> Any:  # noqa: ANN401 - as declared
    return "***" if setting.secret and value is not None else value


def load_settings(
    *,
    environ: Mapping[str, str],
    flags: Mapping[str, str] | None = None,
    config_files: Sequence[Path] | None = None,
) -> Settings:
    """Return the settings in force. Blocking (files).

    Args:
        environ: The environment. A variable that is empty is not set.
        flags: What the command line, or a caller, sets, by name.
        config_files: Files, the last winning; None: the user's and the current directory's.

    Raises:
        InvalidSetting: A name is unknown or a value is out of its range; says where it was set.
    """
    values: dict[str, Any] = {}
    origins = dict.fromkeys(_BY_NAME, "default")
    files = _usual_files(environ) if config_files is None else config_files
    for given in (*_from_files(files), *_from_environment(environ), *_from_flags(flags or {})):
        values[given.name] = _parsed(given)
        origins[given.name] = given.origin
    for setting in SETTINGS:
        if setting.name not in values:
            computed = setting.compute() if setting.compute is not None else None
            values[setting.name] = setting.default if computed is None else computed
    return Settings(values, origins)


def _parsed(given: _Given) -> Any:  # noqa: ANN401 - as declared
    try:
        return _BY_NAME[given.name].parse(given.value)
    except ValueError as error:
        raise InvalidSetting(given.written, str(error), origin=given.origin) from error


def _from_flags(flags: Mapping[str, str]) -> Iterator[_Given]:
    for name, value in flags.items():
        if name not in _BY_NAME:
            raise _unknown(name, _BY_NAME, "flag")
        yield _Given(name, name, value, "flag")


def _from_environment(environ: Mapping[str, str]) -> Iterator[_Given]:
    for variable, value in environ.items():
        setting = _BY_VARIABLE.get(variable)
        if setting is not None and value:
            yield _Given(setting.name, variable, value, "environment")
        elif setting is None and variable.startswith(PREFIX) and variable not in _INTERNAL:
            raise _unknown(variable, _BY_VARIABLE, "environment")


# --- files ---------------------------------------------------------------------------------------


def _usual_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    config = Path(environ.get("XDG_CONFIG_HOME", ""))
    if not config.is_absolute():  # also when it is not set: the specification says to ignore it
        config = Path(environ.get("HOME") or "/", ".config")
    return (config / "cc-executor" / "config.toml", Path(_PROJECT_FILE).absolute())


def _from_files(files: Iterable[Path]) -> Iterator[_Given]:
    for file in files:
        text = _read(file)
        try:
            content = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise InvalidSetting(str(file), f"is not TOML: {error}", origin="file") from error
        for name, value in content.items():
            origin = f"{file}{_line(text, name)}"
            setting = _BY_NAME.get(name)
            if setting is None:
                raise _unknown(name, _BY_NAME, origin)
            if setting.personal and file.name == _PROJECT_FILE:
                raise _too_personal(setting, origin)
            yield _Given(name, name, value, origin)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise InvalidSetting(str(file), problem, origin="file") from error
    except UnicodeDecodeError as error:
        raise InvalidSetting(str(file), "is not UTF-8", origin="file") from error


def _line(text: str, name: str) -> str:
    """Return `:LINE` of where a file sets a name; empty when it writes it in a fancy way."""
    found = re.search(rf"^[ \t]*\[?[ \t]*[\"']?{re.escape(name)}\b", text, re.MULTILINE)
    return f":{text.count(chr(10), 0, found.start()) + 1}" if found else ""


def _too_personal(setting: Setting, origin: str) -> InvalidSetting:
    return InvalidSetting(
        setting.name,
        "cannot be set by a project, which may be somebody else's",
        origin=origin,
        hint=f"Set it in ~/.config/cc-executor/config.toml, as {setting.variable},"
        f" or with {setting.flag}.",
    )


def _unknown(name: str, known: Mapping[str, object], origin: str) -> InvalidSetting:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]}?" if near else None
    return InvalidSetting(name, "is not a setting", origin=origin, hint=hint)
