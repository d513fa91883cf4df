"""What Claude Code may inherit, and what every child of ours is given on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cc_executor.agents.env import COMMON, PROXIES
from cc_executor.errors import InvalidSpec

#: The agent's own documented variables, one by one: no `CLAUDE_CODE_*`, which would also pass on
#: the marks of a run that we are inside of (CLAUDECODE, CLAUDE_CODE_ENTRYPOINT, _SESSION_ID,
#: _SSE_PORT, ...), and no `AWS_*`, which would pass on more than Bedrock needs.
#: Source: code.claude.com/docs/en/env-vars; each is in the binary of 2.1.331.
INHERITS: Final[Sequence[str]] = (
    *COMMON,
    *PROXIES,
    # Where and how to reach a model.
    "ANTHROPIC_*",
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_API_KEY_HELPER_TTL_MS",
    "CLAUDE_CODE_CLIENT_CERT",
    "CLAUDE_CODE_CLIENT_KEY",
    "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE",
    "CLAUDE_CODE_CERT_STORE",
    "CLAUDE_CODE_PROXY_RESOLVES_HOSTS",
    "NODE_EXTRA_CA_CERTS",
    # Other providers, and the credentials that their SDKs document.
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_SKIP_VERTEX_AUTH",
    "CLAUDE_CODE_USE_MANTLE",
    "CLAUDE_CODE_SKIP_MANTLE_AUTH",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_SKIP_FOUNDRY_AUTH",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "CLOUD_ML_REGION",
    "VERTEX_REGION_*",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "GCLOUD_PROJECT",
    # Patience.
    "API_TIMEOUT_MS",
    "CLAUDE_CODE_MAX_RETRIES",
    "CLAUDE_CODE_RETRY_WATCHDOG",
    "CLAUDE_STREAM_IDLE_TIMEOUT_MS",
    "CLAUDE_STREAM_FIRST_BYTE_TIMEOUT_MS",
    "CLAUDE_CODE_PRINT_BG_WAIT_CEILING_MS",
    "CLAUDE_CODE_RESUME_INTERRUPTED_TURN",
    "BASH_DEFAULT_TIMEOUT_MS",
    "BASH_MAX_TIMEOUT_MS",
    "BASH_MAX_OUTPUT_LENGTH",
    "MCP_TIMEOUT",
    "MCP_TOOL_TIMEOUT",
    "CLAUDE_CODE_MCP_AUTO_BACKGROUND_MS",
    # Size of the work.
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
    "CLAUDE_CODE_FILE_READ_MAX_OUTPUT_TOKENS",
    "CLAUDE_CODE_SUBAGENT_MODEL",
    "CLAUDE_CODE_EFFORT_LEVEL",
    "CLAUDE_CODE_AUTO_COMPACT_WINDOW",
    "CLAUDE_AUTOCOMPACT_PCT_OVERRIDE",
    "MAX_THINKING_TOKENS",
    "MAX_MCP_OUTPUT_TOKENS",
    "MAX_STRUCTURED_OUTPUT_RETRIES",
    "CLAUDE_CODE_TOOL_MEMORY_LIMIT",
    # What is switched off.
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS",
    "CLAUDE_CODE_DISABLE_1M_CONTEXT",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY",
    "CLAUDE_CODE_DISABLE_ADAPTIVE_THINKING",
    "CLAUDE_CODE_DISABLE_CRON",
    "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS",
    "CLAUDE_CODE_DISABLE_FAST_MODE",
    "CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS",
    "CLAUDE_CODE_DISABLE_MCP_TASKS",
    "CLAUDE_CODE_DISABLE_THINKING",
    "CLAUDE_CODE_SUBPROCESS_ENV_SCRUB",
    "CLAUDE_BASH_MAINTAIN_PROJECT_WORKING_DIR",
    "DISABLE_AUTO_COMPACT",
    "DISABLE_COST_WARNINGS",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_INTERLEAVED_THINKING",
    "DISABLE_PROMPT_CACHING",
    "DISABLE_TELEMETRY",
    "DO_NOT_TRACK",
    "ENABLE_TOOL_SEARCH",
    "MCP_PROTOCOL_NEGOTIATION",
    "USE_BUILTIN_RIPGREP",
    # How its Bash tool runs.
    "CLAUDE_CODE_SHELL",
    "CLAUDE_CODE_SHELL_PREFIX",
    # Says that root may skip permissions here: the user's word about this machine.
    "IS_SANDBOX",
)


#: What decides on whose account the CLI works. Source: code.claude.com/docs/en/iam.
_LOGINS: Final = (
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_API_KEY",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
    "AWS_ACCESS_KEY_ID",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_PROFILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "CLAUDE_CONFIG_DIR",  # an account that was logged in to on this machine
)


def credential_of(env: Mapping[str, str]) -> str:
    """Return what tells apart the login that a child with this environment uses: secrets in it."""
    home = env.get("HOME", "")
    known = [f"{name}={env[name]}" for name in _LOGINS if env.get(name)]
    return "\0".join(["claude", *known, *(() if env.get("CLAUDE_CONFIG_DIR") else (home,))])


def child_environment(inherited: Mapping[str, str], *, scratch: str) -> dict[str, str]:
    """Return the whole environment of the CLI.

    Args:
        inherited: What it may see of the world, with the task's own variables.
        scratch: Private directory for its temporary files.

    Raises:
        InvalidSpec: HOME is missing. The CLI would not fail but write into the home directory
            that the password database names. Source: measured, 2.1.330.
    """
    if not inherited.get("HOME"):
        raise InvalidSpec(
            "env.HOME",
            "is not set",
            hint="Set HOME: Claude Code keeps its login and sessions there.",
        )
    return {
        # Else its Bash tool takes zsh wherever that is installed. Source: measured, 2.1.330.
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        **inherited,
        "TERM": "dumb",
        # A supervised program must not replace itself.
        "DISABLE_AUTOUPDATER": "1",
        # Else it writes below TMPDIR, where nobody removes what a killed run has left.
        "CLAUDE_CODE_TMPDIR": scratch,
    }
