from __future__ import annotations

import pytest

from cc_executor.agents.base import Dialect
from cc_executor.agents.env import COMMON, filter_environment
from cc_executor.agents.registry import DIALECTS

SECRETS = {
    "AWS_SECRET_KEY_OF_SOMETHING_ELSE": "secret",
    "CC_EXECUTOR_TOKEN": "secret",
    "CC_EXECUTOR_TOKEN_FILE": "secret",
    "DATABASE_URL": "secret",
    "GITHUB_TOKEN": "secret",
    "GOOGLE_API_KEY": "secret",
    "OPENAI_API_KEY": "secret",
    "REDIS_URL": "secret",
    "SSH_AUTH_SOCK": "secret",
}
#: Marks of a run that we are inside of: a child that saw them would take itself for a part of it.
NESTING = {
    "CLAUDECODE": "1",
    "CLAUDE_CODE_ENTRYPOINT": "cli",
    "CLAUDE_CODE_EXECPATH": "/x",
    "CLAUDE_CODE_SESSION_ID": "x",
    "CLAUDE_CODE_SSE_PORT": "1",
    "CLAUDE_CODE_TMPDIR": "/x",
}


def test_only_what_is_named_is_passed_on() -> None:
    environ = {"PATH": "/bin", "PATHS": "x", "LC_ALL": "C", "LC": "x", "SECRET": "x"}

    assert filter_environment(environ, ("PATH", "LC_*")) == {"PATH": "/bin", "LC_ALL": "C"}


def test_the_user_may_add_names_and_prefixes() -> None:
    environ = {"MY_ONE": "1", "MY_TWO": "2", "OTHER": "3", "ELSE": "4"}

    assert filter_environment(environ, (), ("MY_*", "OTHER")) == {
        "MY_ONE": "1",
        "MY_TWO": "2",
        "OTHER": "3",
    }


@pytest.mark.parametrize("asked", ["*", "CC_EXECUTOR_TOKEN", "CC_*"])
def test_our_own_variables_are_never_passed_on(asked: str) -> None:
    environ = {"CC_EXECUTOR_TOKEN": "secret", "PATH": "/bin"}

    assert "CC_EXECUTOR_TOKEN" not in filter_environment(environ, COMMON, (asked,))


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
def test_no_dialect_passes_on_secrets_or_the_marks_of_an_outer_run(dialect: Dialect) -> None:
    inherits = dialect.inherits

    assert filter_environment({**SECRETS, **NESTING}, inherits) == {}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
def test_every_dialect_passes_on_what_programs_need(dialect: Dialect) -> None:
    needed = {"PATH": "/bin", "HOME": "/home/user", "LC_CTYPE": "C.UTF-8", "TZ": "UTC"}

    assert filter_environment(needed, dialect.inherits) == needed
