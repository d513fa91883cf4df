"""How Claude Code is asked for an answer that fits a JSON schema."""

from __future__ import annotations

import json
from typing import Any, Final, TypeGuard

Schema = dict[str, Any] | bool

_COMBINATORS: Final = frozenset({"allOf", "anyOf", "oneOf"})


def is_native(schema: Schema | None) -> TypeGuard[dict[str, Any]]:
    """Return whether `--json-schema` can carry it.

    The CLI hands the schema on as the input schema of a tool, as it is, and the model API takes
    only objects for one. Source: requests captured from 2.1.331 (a schema of type array goes out
    unchanged); the API's tool reference.
    """
    return (
        isinstance(schema, dict)
        and schema.get("type") == "object"
        and not _COMBINATORS & schema.keys()
    )


def encoded(schema: Schema) -> str:
    """Return the schema as one compact line."""
    return json.dumps(schema, separators=(",", ":"))


def instruction(schema: Schema) -> str:
    """Return what the model is told about a schema that the CLI cannot carry.

    The answer is then looked for in its text, and validated like any other.
    """
    return (
        "Your final message must be one JSON value that is valid under this JSON schema, "
        f"and nothing else: no prose, no code fence.\n{encoded(schema)}"
    )
