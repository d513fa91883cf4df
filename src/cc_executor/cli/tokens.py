"""Showing, making and taking back the tokens of a state directory."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.text import Text

from cc_executor.cli.exits import Exit
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.render.data import write_json, write_lines, write_text
from cc_executor.cli.serving import refuse_a_server_elsewhere
from cc_executor.errors import InvalidToken
from cc_executor.journal.home import StateDirectory
from cc_executor.model.principals import Scope
from cc_executor.model.tokens import OWNER, TokenRecord
from cc_executor.store.tokens import TokenFiles

_DAY_S: Final = 86_400.0


def show(invocation: Invocation, *, as_json: bool) -> Exit:
    """Print this user's own token.

    Raises:
        TokenFileRefused: Its file cannot be trusted.
    """
    files = _files(invocation)
    return _print_own(files, files.own(), as_json=as_json)


def rotate(invocation: Invocation, *, as_json: bool) -> Exit:
    """Make this user's token anew and print it."""
    files = _files(invocation)
    return _print_own(files, files.rotate_own(), as_json=as_json)


def create(
    invocation: Invocation, name: str, scopes: Sequence[str], *, days: float | None, as_json: bool
) -> Exit:
    """Make a token for somebody and print it.

    Raises:
        InvalidToken: The name cannot be, or the end is none.
    """
    now_s = time.time()
    expires_at = None if days is None else now_s + days * _DAY_S
    if expires_at is not None and _date(expires_at) is None:
        raise InvalidToken("expires", "is further away than a calendar reaches")
    record, token = _files(invocation).create(
        name, [Scope(one) for one in scopes], now_s=now_s, expires_at=expires_at
    )
    if as_json:
        write_json({**_as_object(record), "token": token})
    else:
        write_text(f"{token}\n")
        sys.stderr.write(
            f"id {record.id}: {record.name} may {', '.join(record.scopes)}, {_until(record)};"
            " the token is not kept here\n"
        )
    return Exit.DONE


def list_all(invocation: Invocation, *, as_json: bool) -> Exit:
    """Print what was made, oldest first."""
    records = _files(invocation).records()
    if as_json:
        write_json([_as_object(record) for record in records])
    else:
        write_lines(
            Text(f"{record.id}  {record.name:16} {','.join(record.scopes):24} {_until(record)}")
            for record in records
        )
    return Exit.DONE


def revoke(invocation: Invocation, token_id: str, *, as_json: bool) -> Exit:
    """Take a token back.

    Raises:
        TokenNotFound: None has this id.
    """
    record = _files(invocation).revoke(token_id)
    if as_json:
        write_json(_as_object(record))
    else:
        write_text(f"revoked {record.id} of {record.name}\n")
    return Exit.DONE


def _files(invocation: Invocation) -> TokenFiles:
    refuse_a_server_elsewhere(invocation)
    settings = invocation.settings()
    return TokenFiles(StateDirectory(settings.home).path, settings.token_file)


def _print_own(files: TokenFiles, token: str, *, as_json: bool) -> Exit:
    if as_json:
        write_json({"name": OWNER, "file": str(files.own_path), "token": token})
    else:
        write_text(f"{token}\n")
    return Exit.DONE


def _as_object(record: TokenRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "scopes": [str(scope) for scope in record.scopes],
        "created_at": record.created_at,
        "expires_at": record.expires_at,
    }


def _until(record: TokenRecord) -> str:
    if record.expires_at is None:
        return "until it is revoked"
    date = _date(record.expires_at) or "a distant day"
    return f"until {date}" if record.is_valid(now_s=time.time()) else f"expired on {date}"


def _date(at: float) -> str | None:
    try:
        return f"{datetime.fromtimestamp(at, tz=UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return None
