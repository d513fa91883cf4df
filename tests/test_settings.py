from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from cc_executor.errors import InvalidSetting
from cc_executor.model.specs import PermissionMode
from cc_executor.settings import SETTINGS, Settings, load_settings


def test_flags_win_over_the_environment_and_that_over_files(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("# mine\ngrace_s = 1\nmax_timeout_s = 2\norphan_grace_s = 3\n")
    environ = {"CC_EXECUTOR_MAX_TIMEOUT_S": "20", "CC_EXECUTOR_ORPHAN_GRACE_S": "30"}

    settings = load_settings(environ=environ, flags={"orphan_grace_s": "300"}, config_files=[file])

    assert (settings.grace_s, settings.max_timeout_s, settings.orphan_grace_s) == (1, 20, 300)
    origins = {row.name: row.origin for row in settings.describe()}
    assert origins["grace_s"] == f"{file}:2"
    assert origins["max_timeout_s"] == "environment"
    assert origins["orphan_grace_s"] == "flag"
    assert origins["idle_timeout_s"] == "default"


@pytest.mark.parametrize(
    ("environ", "nearest"),
    [
        ({"CC_EXECUTOR_HOM": "/x"}, "CC_EXECUTOR_HOME"),
        ({"CC_EXECUTOR_MAX_TIMEOUT": "3"}, "CC_EXECUTOR_MAX_TIMEOUT_S"),
    ],
)
def test_an_unknown_variable_of_ours_is_refused_with_the_nearest(
    environ: dict[str, str], nearest: str
) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        load_settings(environ=environ, config_files=[])

    assert nearest in refusal.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_timeout_s", "0"),
        ("max_timeout_s", "inf"),
        ("max_timeout_s", "nan"),
        ("grace_s", "-1"),
        ("max_concurrency", "1.5"),
        ("max_concurrency", "0"),
        ("containment", "magic"),
        ("claude_bin", "relative/claude"),
        ("pass_env", "CC_EXECUTOR_TOKEN"),
        ("pass_env", "*"),
        ("pass_env", "REDIS_*"),
        ("log_level", "LOUD"),
        ("home", ""),
        ("home", "a\0b"),
        ("pass_env", "C*"),
        ("pass_env", "CC_EXECUTOR_*"),
        ("pass_env", "A*B"),
        ("pass_env", "A=B"),
        ("grace_s", "ten"),
        ("max_concurrency", "1001"),
        ("claude_permission_mode", "yolo"),
    ],
)
def test_a_value_out_of_its_range_is_refused_with_its_origin(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        load_settings(environ={}, flags={name: value}, config_files=[])

    assert refusal.value.name == name
    assert refusal.value.origin == "flag"


def test_an_unknown_name_and_bad_toml_in_a_file_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    for text in ("grace = 3\n", "grace_s = \n"):
        file.write_text(text)
        with pytest.raises(InvalidSetting, match=r"config\.toml"):
            load_settings(environ={}, config_files=[file])


def test_a_bad_variable_is_named_as_the_user_knows_it() -> None:
    with pytest.raises(InvalidSetting) as refusal:
        load_settings(environ={"CC_EXECUTOR_GRACE_S": "soon"}, config_files=[])

    assert str(refusal.value).startswith("setting CC_EXECUTOR_GRACE_S (environment): ")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("grace_s = true", "grace_s"),
        ("grace_s = [1]", "grace_s"),
        ("grace_s = nan", "grace_s"),
        ("max_concurrency = 1.5", "max_concurrency"),
        ("pass_env = ['A,B']", "pass_env"),
        ("pass_env = [3]", "pass_env"),
        ("home = 3", "home"),
        ("[grace_s]\nx = 1", "grace_s"),
        ("log_level = 10", "log_level"),
    ],
)
def test_a_bad_value_in_a_file_is_refused_with_its_line(
    tmp_path: Path, line: str, name: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"\n{line}\n")

    with pytest.raises(InvalidSetting) as refusal:
        load_settings(environ={}, config_files=[file])

    assert (refusal.value.name, refusal.value.origin) == (name, f"{file}:2")


def test_a_typo_in_a_file_is_refused_with_its_line_and_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("grace_s = 1\n\ngrace_z = 2\n")

    with pytest.raises(InvalidSetting, match="not a setting") as refusal:
        load_settings(environ={}, config_files=[file])

    assert refusal.value.origin == f"{file}:3"
    assert "grace_s" in refusal.value.hint


def test_a_file_that_is_not_there_sets_nothing_and_one_that_is_no_text_is_refused(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"\xff")
    absent = [tmp_path / "absent.toml", tmp_path / "file" / "config.toml"]

    assert {row.origin for row in load_settings(environ={}, config_files=absent).describe()} == {
        "default"
    }
    for bad in (tmp_path / "file", tmp_path):
        with pytest.raises(InvalidSetting, match=r"cannot be read|not UTF-8"):
            load_settings(environ={}, config_files=[bad])


def test_the_users_file_and_the_projects_are_read_unless_others_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "config" / "cc-executor" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text("grace_s = 1\nmax_timeout_s = 1\nclaude_bin = '/bin/claude'\n")
    (tmp_path / "cc-executor.toml").write_text("grace_s = 2\n")

    settings = load_settings(environ={"XDG_CONFIG_HOME": str(own.parents[1])})
    without = load_settings(environ={"XDG_CONFIG_HOME": "config", "HOME": "/nowhere"})

    assert (settings.grace_s, settings.max_timeout_s) == (2, 1)
    assert settings.agent_bins == {"claude": "/bin/claude"}
    assert (without.grace_s, without.claude_bin) == (2, None)  # a relative XDG path is ignored


@pytest.mark.parametrize(
    "line",
    [
        "claude_bin = '/tmp/evil'",
        "claude_permission_mode = 'bypassPermissions'",
        "pass_env = ['AWS_*']",
        "allowed_commands = []",
    ],
)
def test_a_project_cannot_widen_what_agents_may_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cc-executor.toml").write_text(f"{line}\n")

    with pytest.raises(InvalidSetting, match="by a project") as refusal:
        load_settings(environ={"HOME": "/nowhere"})

    assert "--" in refusal.value.hint


def test_variables_that_are_not_ours_or_are_empty_set_nothing() -> None:
    environ = {"CC_EXECUTOR_GRACE_S": "", "CC_EXECUTOR_ATTEMPT": "x", "CC": "y", "PATH": "/bin"}

    settings = load_settings(environ=environ, config_files=[])

    assert {row.origin for row in settings.describe()} == {"default"}


def test_settings_are_frozen_and_know_only_their_names() -> None:
    settings = load_settings(environ={}, config_files=[])

    for name in ("grace_s", "other"):
        with pytest.raises(AttributeError):
            setattr(settings, name, 3)
    with pytest.raises(AttributeError):
        _ = settings.other
    assert settings.grace_s == 10


def test_what_the_machine_decides_is_decided_when_nobody_else_does() -> None:
    settings = load_settings(environ={}, config_files=[])

    assert 1 <= settings.max_concurrency <= 16
    assert settings.home.is_absolute()


def test_every_setting_has_a_value_of_the_declared_kind() -> None:
    settings = load_settings(environ={}, config_files=[])

    for one in SETTINGS:
        value = getattr(settings, one.name)
        assert one.name in Settings.__annotations__
        assert value is None or one.parse(_as_in_a_file(value)) == value


def _as_in_a_file(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def test_the_permission_modes_are_those_of_a_task() -> None:
    for mode in get_args(PermissionMode):
        flags = {"claude_permission_mode": mode}
        settings = load_settings(environ={}, flags=flags, config_files=[])
        assert settings.claude_permission_mode == mode


def test_settings_can_be_handed_to_another_process(tmp_path: Path) -> None:
    given = {"home": str(tmp_path), "pass_env": "A,B*", "grace_s": "3"}
    first = load_settings(environ={}, flags=given, config_files=[])

    second = load_settings(environ={}, flags=first.as_flags(), config_files=[])

    assert [row.value for row in second.describe()] == [row.value for row in first.describe()]


def test_every_setting_has_a_variable_and_a_flag_of_its_own() -> None:
    assert len({one.variable for one in SETTINGS}) == len(SETTINGS)
    assert all(one.flag.startswith("--") and one.doc.endswith(".") for one in SETTINGS)
