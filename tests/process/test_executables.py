from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from cc_executor.agents.base import LoginQuery
from cc_executor.errors import AgentNotInstalled
from cc_executor.process import executables as module
from cc_executor.process.executables import SystemExecutables
from cc_executor.testing.contracts.executables import (
    ExecutablesContract,
    MakeExecutables,
    Toy,
    program,
)


def system(
    *,
    overrides: Mapping[str, str] | None = None,
    path: str = "/nowhere",
    allowed: Sequence[str] = (),
) -> SystemExecutables:
    return SystemExecutables(overrides=overrides or {}, search_path=path, allowed=allowed)


class TestSystemExecutables(ExecutablesContract):
    @pytest.fixture
    def make_executables(self) -> MakeExecutables:
        def make(installed: Mapping[str, Path], allowed: Sequence[str]) -> SystemExecutables:
            overrides = {name: str(path) for name, path in installed.items()}
            return system(overrides=overrides, allowed=allowed)

        return make


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program of an installed package that carries one."""
    monkeypatch.syspath_prepend(tmp_path / "site")
    (tmp_path / "site" / "toy_wheel").mkdir(parents=True)
    (tmp_path / "site" / "toy_wheel" / "__init__.py").write_text("raise RuntimeError\n")
    return program(tmp_path / "site" / "toy_wheel" / "bin" / "toy")


TOY = Toy(program="toy", bundles=(("no_such_wheel", "toy"), ("toy_wheel", "bin/toy")))


def test_the_setting_wins_then_path_then_what_a_wheel_carries(tmp_path: Path, bundle: Path) -> None:
    on_path, set_by_hand = program(tmp_path / "path" / "toy"), program(tmp_path / "mine")
    path = str(on_path.parent)

    everywhere = system(overrides={"toy": str(set_by_hand)}, path=path)
    assert everywhere.agent(TOY) == str(set_by_hand)
    assert system(path=path).agent(TOY) == str(on_path)
    assert system().agent(TOY) == str(bundle)


def test_a_setting_that_names_nothing_is_no_reason_to_look_elsewhere(
    tmp_path: Path, bundle: Path
) -> None:
    del bundle
    missing = str(tmp_path / "missing")

    with pytest.raises(AgentNotInstalled) as refusal:
        system(overrides={"toy": missing}).agent(TOY)

    assert refusal.value.looked_in == (missing,)
    assert "CC_EXECUTOR_TOY_BIN" in refusal.value.hint


def test_every_place_that_was_looked_at_is_named(tmp_path: Path) -> None:
    with pytest.raises(AgentNotInstalled) as refusal:
        system(path=str(tmp_path)).agent(TOY)

    assert refusal.value.looked_in == ("toy on PATH", "wheel no_such_wheel", "wheel toy_wheel")
    assert refusal.value.hint == "Install the toy."


def test_a_yes_is_remembered(tmp_path: Path) -> None:
    installed = program(tmp_path / "toy", says='{"loggedIn": true}')
    executables = system(overrides={"toy": str(installed)})

    for _ in range(3):
        executables.check_login(Toy(), environ={})

    assert (tmp_path / "toy.asked").read_text() == "auth status\n"


def test_an_agent_that_answers_too_slowly_may_have_a_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_LOGIN_CHECK_S", 0.2)
    sleep = LoginQuery(evidence=(), arguments=("60",), key="loggedIn", how_to_log_in="")

    system(overrides={"toy": "/bin/sleep"}).check_login(Toy(login_query=sleep), environ={})


def test_a_relative_entry_of_our_own_path_gives_an_absolute_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = program(tmp_path / "path" / "toy")
    monkeypatch.chdir(tmp_path)

    assert system(path="path").agent(TOY) == str(on_path)
