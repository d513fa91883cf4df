"""What `ports.executables.Executables` promises."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from cc_executor.agents.base import LoginQuery, Reader, Surroundings
from cc_executor.errors import AgentNotInstalled, AgentNotLoggedIn, CommandNotAllowed
from cc_executor.model.budgets import Caps
from cc_executor.model.launch import Launch
from cc_executor.model.specs import TaskSpec
from cc_executor.ports.executables import Executables

#: `make_executables(installed, allowed)`: finds the agents in `installed` (name to absolute path)
#: and no others; `allowed` are the commands on the allow-list, empty for any.
MakeExecutables = Callable[[Mapping[str, Path], Sequence[str]], Executables]

_QUERY: Final = LoginQuery(
    evidence=("TOY_KEY",), arguments=("auth", "status"), key="loggedIn", how_to_log_in="Log in."
)


@dataclass(frozen=True)
class Toy:
    """Implements as much of `agents.base.Dialect` as is needed to find a program."""

    name: str = "toy"
    program: str | None = "toy-of-a-contract-suite"
    bundles: Sequence[tuple[str, str]] = ()
    how_to_install: str = "Install the toy."
    login_query: LoginQuery | None = _QUERY
    inherits: Sequence[str] = ()
    preamble_tokens: int = 0

    def credential_of(self, env: Mapping[str, str]) -> str | None:  # noqa: ARG002 - as every dialect has it
        return None

    def session_of(self, spec: TaskSpec, surroundings: Surroundings) -> str | None:
        """Hold nothing."""
        raise NotImplementedError

    def launch(self, spec: TaskSpec, surroundings: Surroundings) -> Launch:
        """Never be launched."""
        raise NotImplementedError

    def limited(self, launch: Launch, caps: Caps) -> Launch:
        """Never be limited."""
        raise NotImplementedError

    def reader(self, spec: TaskSpec) -> Reader:
        """Say nothing."""
        raise NotImplementedError


def program(path: Path, *, says: str = "", exit_code: int = 0) -> Path:
    """Write an executable that says something whatever it is asked, and notes that it was."""
    lines = (
        f"#!{sys.executable} -IS",
        "import sys",
        "with open(sys.argv[0] + '.asked', 'a') as file:",
        "    print(*sys.argv[1:], file=file)",
        f"print({says!r})",
        f"sys.exit({exit_code})",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")
    path.chmod(0o755)
    return path


class ExecutablesContract:
    """Subclass it and give it a fixture `make_executables`: a `MakeExecutables`."""

    @pytest.fixture
    def work(self, tmp_path: Path) -> Path:
        """The child's working directory: `tool` is in it, and in `bin` below it."""
        program(tmp_path / "work" / "tool")
        program(tmp_path / "work" / "bin" / "tool")
        return tmp_path / "work"

    # --- agents -----------------------------------------------------------------------------------

    def test_an_agent_is_an_absolute_path_that_can_be_executed(
        self, make_executables: MakeExecutables, tmp_path: Path
    ) -> None:
        installed = program(tmp_path / "toy")

        found = make_executables({"toy": installed}, ()).agent(Toy())

        assert found == str(installed)
        assert os.access(found, os.X_OK)

    def test_an_agent_that_is_nowhere_is_refused_and_told_where_it_was_looked_for(
        self, make_executables: MakeExecutables
    ) -> None:
        with pytest.raises(AgentNotInstalled) as refusal:
            make_executables({}, ()).agent(Toy())

        assert refusal.value.agent == "toy"
        assert refusal.value.looked_in
        assert all(refusal.value.looked_in)
        assert refusal.value.hint

    def test_an_agent_that_has_gone_or_cannot_be_executed_is_not_installed(
        self, make_executables: MakeExecutables, tmp_path: Path
    ) -> None:
        executables = make_executables({"toy": program(tmp_path / "toy")}, ())
        (tmp_path / "toy").chmod(0o644)
        with pytest.raises(AgentNotInstalled):
            executables.agent(Toy())

        (tmp_path / "toy").unlink()

        with pytest.raises(AgentNotInstalled):
            executables.agent(Toy())

    # --- commands ---------------------------------------------------------------------------------

    def test_a_bare_name_is_looked_for_on_the_childs_path_and_nowhere_else(
        self, make_executables: MakeExecutables, work: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        executables = make_executables({}, ())
        on_path = {"PATH": f"{work}/nothing{os.pathsep}{work}/bin"}
        assert executables.command("tool", cwd="/", environ=on_path) == f"{work}/bin/tool"

        monkeypatch.setenv("PATH", f"{work}/bin")
        monkeypatch.chdir(work)

        with pytest.raises(AgentNotInstalled):
            executables.command("tool", cwd=str(work), environ={"PATH": f"{work}/nothing"})

    def test_a_relative_path_and_a_relative_entry_of_path_begin_in_the_childs_directory(
        self, make_executables: MakeExecutables, work: Path
    ) -> None:
        executables = make_executables({}, ())

        def found(argv0: str, path: str = "/nothing") -> str:
            return executables.command(argv0, cwd=str(work), environ={"PATH": path})

        assert found("./tool") == f"{work}/tool"
        assert found("bin/tool") == f"{work}/bin/tool"
        assert found("tool", "bin") == f"{work}/bin/tool"
        assert found(f"{work}/bin/tool") == f"{work}/bin/tool"

    @pytest.mark.parametrize("argv0", ["nothing", "./nothing", "/nothing", "./bin", "./text"])
    def test_what_is_no_executable_file_is_refused(
        self, make_executables: MakeExecutables, work: Path, argv0: str
    ) -> None:
        (work / "text").write_text("x")

        with pytest.raises(AgentNotInstalled) as refusal:
            make_executables({}, ()).command(argv0, cwd=str(work), environ={"PATH": str(work)})

        assert refusal.value.looked_in
        assert refusal.value.hint

    def test_what_is_not_on_the_allow_list_is_refused_with_its_path(
        self, make_executables: MakeExecutables, work: Path
    ) -> None:
        executables = make_executables({}, (f"{work}/tool", "/bin/true"))
        environ = {"PATH": f"{work}/bin"}

        assert executables.command("./tool", cwd=str(work), environ=environ) == f"{work}/tool"
        with pytest.raises(CommandNotAllowed) as refusal:
            executables.command("tool", cwd=str(work), environ=environ)
        assert refusal.value.executable == f"{work}/bin/tool"

    def test_an_allow_list_may_say_a_bare_name_or_where_a_link_leads(
        self, make_executables: MakeExecutables, work: Path
    ) -> None:
        (work / "link").symlink_to(work / "bin" / "tool")
        environ = {"PATH": str(work)}

        by_name = make_executables({}, ("link",))
        by_target = make_executables({}, (str(work / "bin" / "tool"),))

        assert by_name.command("link", cwd="/", environ=environ) == f"{work}/link"
        assert by_target.command("link", cwd="/", environ=environ) == f"{work}/link"
        with pytest.raises(CommandNotAllowed):
            by_name.command("tool", cwd="/", environ=environ)

    def test_the_allow_list_is_for_commands_not_for_agents(
        self, make_executables: MakeExecutables, tmp_path: Path
    ) -> None:
        installed = program(tmp_path / "toy")

        assert make_executables({"toy": installed}, ("/bin/true",)).agent(Toy()) == str(installed)

    # --- logins -----------------------------------------------------------------------------------

    def test_an_agent_that_says_that_it_has_no_login_is_refused(
        self, make_executables: MakeExecutables, tmp_path: Path
    ) -> None:
        installed = program(tmp_path / "toy", says='{"loggedIn": false}', exit_code=1)
        executables = make_executables({"toy": installed}, ())

        for _ in range(2):  # a no is never remembered: people log in
            with pytest.raises(AgentNotLoggedIn) as refusal:
                executables.check_login(Toy(), environ={})
            assert (refusal.value.agent, refusal.value.hint) == ("toy", "Log in.")

        program(installed, says='{"loggedIn": true}')
        executables.check_login(Toy(), environ={})
        assert (tmp_path / "toy.asked").read_text().splitlines()[0] == "auth status"

    @pytest.mark.parametrize(
        ("says", "exit_code"),
        [
            ('{"loggedIn": true}', 0),
            ('{"loggedIn": true}', 1),
            ('{"loggedIn": "perhaps"}', 0),
            ('{"loggedIn": null}', 0),
            ("{}", 0),
            ("[false]", 1),
            ("error: unknown command 'auth'", 1),
            ("", 0),
        ],
    )
    def test_an_agent_that_does_not_clearly_say_no_may_have_a_login(
        self, make_executables: MakeExecutables, tmp_path: Path, says: str, exit_code: int
    ) -> None:
        installed = program(tmp_path / "toy", says=says, exit_code=exit_code)

        make_executables({"toy": installed}, ()).check_login(Toy(), environ={})

    def test_evidence_in_the_environment_is_enough_and_nobody_is_asked(
        self, make_executables: MakeExecutables, tmp_path: Path
    ) -> None:
        installed = program(tmp_path / "toy", says='{"loggedIn": false}')
        executables = make_executables({"toy": installed}, ())

        executables.check_login(Toy(), environ={"TOY_KEY": "x"})

        assert not (tmp_path / "toy.asked").exists()

    def test_an_empty_variable_is_no_evidence(
        self, make_executables: MakeExecutables, tmp_path: Path
    ) -> None:
        installed = program(tmp_path / "toy", says='{"loggedIn": false}')

        with pytest.raises(AgentNotLoggedIn):
            make_executables({"toy": installed}, ()).check_login(Toy(), environ={"TOY_KEY": ""})

    def test_an_agent_that_needs_no_login_is_not_asked(
        self, make_executables: MakeExecutables
    ) -> None:
        make_executables({}, ()).check_login(Toy(login_query=None), environ={})
