"""The agents: where their programs are, which versions, whether they have a login."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from cc_executor.agents.base import Dialect
from cc_executor.agents.env import filter_environment
from cc_executor.agents.registry import DIALECTS
from cc_executor.cli.checkup.findings import Finding, Level
from cc_executor.cli.render.wording import one_line
from cc_executor.errors import AgentNotInstalled, AgentNotLoggedIn, CCExecutorError
from cc_executor.model.policy import Policy
from cc_executor.model.records import Host
from cc_executor.ports.executables import Executables
from cc_executor.process.run import run_subprocess
from cc_executor.settings import Settings
from cc_executor.wiring import executables, policy

_VERSION_S: Final = 15.0


def look_at_agents(settings: Settings) -> Iterator[Finding]:
    """Yield what was found of each agent. Blocking: starts their programs, bounded."""
    programs = executables(settings)
    limits = policy(settings, Host.IN_PROCESS)
    for dialect in DIALECTS.values():
        if dialect.program is not None:
            yield from look_at_agent(dialect, programs, environment(limits, dialect))


def environment(limits: Policy, dialect: Dialect) -> Mapping[str, str]:
    """Return what the agent would see of our environment."""
    return filter_environment(limits.environ, dialect.inherits, limits.pass_env)


def look_at_agent(
    dialect: Dialect, programs: Executables, environ: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield its program, its version and its login."""
    subject = f"agent {dialect.name}"
    try:
        program = programs.agent(dialect)
    except AgentNotInstalled as missing:
        looked = "; ".join(missing.looked_in)
        yield Finding(
            subject, "program", Level.BROKEN, f"not found (looked for {looked})", missing.hint
        )
        return
    yield Finding(subject, "program", Level.OK, program)
    yield _version(subject, program, environ)
    yield _login(subject, dialect, programs, environ)


def _version(subject: str, program: str, environ: Mapping[str, str]) -> Finding:
    try:
        ran = run_subprocess((program, "--version"), _VERSION_S, env=environ)
    except CCExecutorError as refusal:
        return Finding(subject, "version", Level.BROKEN, str(refusal), refusal.hint)
    said = one_line(ran.stdout.decode("utf-8", "replace"))
    if ran.exit_code == 0 and said:
        return Finding(subject, "version", Level.OK, said)
    complaint = one_line(ran.stderr.decode("utf-8", "replace")) or "it said nothing"
    return Finding(
        subject,
        "version",
        Level.BROKEN,
        f"`{program} --version` ended with {ran.exit_code}: {complaint}",
        "Install it again.",
    )


def _login(
    subject: str, dialect: Dialect, programs: Executables, environ: Mapping[str, str]
) -> Finding:
    query = dialect.login_query
    if query is None:
        return Finding(subject, "login", Level.OK, "none is needed")
    given = next((name for name in query.evidence if environ.get(name)), None)
    if given is not None:
        return Finding(subject, "login", Level.OK, f"{given} is set")
    try:
        programs.check_login(dialect, environ=environ)
    except AgentNotLoggedIn as refusal:
        return Finding(
            subject,
            "login",
            Level.BROKEN,
            "it has none",
            f"{refusal.hint} `cc-executor demo` works without.",
        )
    except CCExecutorError as refusal:
        return Finding(subject, "login", Level.GAP, f"it cannot be asked: {refusal}", refusal.hint)
    return Finding(subject, "login", Level.OK, "it has one, by its own account")
