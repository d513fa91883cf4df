from __future__ import annotations

from pathlib import Path

import pytest

from cc_executor.errors import InvalidSetting
from cc_executor.settings import SETTINGS, load_settings


def test_flags_win_over_the_environment_and_that_over_files(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("grace_s = 1\nmax_timeout_s = 2\norphan_grace_s = 3\n")
    environ = {"CC_EXECUTOR_MAX_TIMEOUT_S": "20", "CC_EXECUTOR_ORPHAN_GRACE_S": "30"}

    settings = load_settings(environ=environ, flags={"orphan_grace_s": "300"}, config_files=[file])

    assert (settings.grace_s, settings.max_timeout_s, settings.orphan_grace_s) == (1, 20, 300)
    origins = {row.name: row.origin for row in settings.describe()}
    assert origins["grace_s"] == str(file)
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


def test_settings_can_be_handed_to_another_process(tmp_path: Path) -> None:
    given = {"home": str(tmp_path), "pass_env": "A,B*", "grace_s": "3"}
    first = load_settings(environ={}, flags=given, config_files=[])

    second = load_settings(environ={}, flags=first.as_flags(), config_files=[])

    assert [row.value for row in second.describe()] == [row.value for row in first.describe()]


def test_every_setting_has_a_variable_and_a_flag_of_its_own() -> None:
    assert len({one.variable for one in SETTINGS}) == len(SETTINGS)
    assert all(one.flag.startswith("--") and one.doc.endswith(".") for one in SETTINGS)
