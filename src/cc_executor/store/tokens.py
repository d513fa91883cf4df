"""The files of tokens: this user's own, and the digests of those given to others.

Both lie in the state directory and are readable by nobody else:

* `token`: the token of this user, in the clear, so that their own programs can read it. Its
  principal is `owner`, who may do everything.
* `tokens.json`: SHA-256 of every token given to others, with a name, scopes and an end.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from cc_executor.errors import InvalidToken, TokenFileRefused, TokenNotFound
from cc_executor.journal import layout
from cc_executor.model.principals import Scope
from cc_executor.model.tokens import OWNER, TokenRecord, Tokens, digest

_TOKEN_BYTES: Final = 32  # 256 bit
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_MAX_FILE_BYTES: Final = 4 * 1024 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def new_token() -> str:
    """Return a fresh token: 256 random bits."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_TOKEN_BYTES)).rstrip(b"=").decode()


class TokenFiles:
    """The two files. Blocking: call it in a thread.

    Args:
        home: The state directory.
        own: File of this user's token; None: `token` in `home`.
    """

    def __init__(self, home: Path, own: Path | None = None) -> None:
        self._own = own or home / "token"
        self._others = home / "tokens.json"

    @property
    def own_path(self) -> Path:
        """The file of this user's token."""
        return self._own

    def own(self) -> str:
        """Return this user's token; it is made when there is none.

        Raises:
            TokenFileRefused: The file is open to others, somebody else's, or holds no token.
        """
        with contextlib.suppress(FileExistsError):
            _create(self._own, f"{new_token()}\n".encode())
        return self.read_own()

    def read_own(self) -> str:
        """Return this user's token.

        Raises:
            TokenFileRefused: As `own`, or there is no such file.
        """
        try:
            token = _read(self._own).decode("ascii").strip()
        except FileNotFoundError:
            raise TokenFileRefused(str(self._own), "does not exist") from None
        except UnicodeDecodeError:
            token = ""
        if not _TOKEN.fullmatch(token):
            raise TokenFileRefused(str(self._own), "holds no token")
        return token

    def rotate_own(self) -> str:
        """Put a new token in the place of this user's; the old one is refused from then on."""
        token = new_token()
        _replace(self._own, f"{token}\n".encode())
        return token

    def load(self) -> Tokens:
        """Read both files.

        Raises:
            TokenFileRefused: One of them cannot be trusted.
        """
        owner = TokenRecord(
            id=OWNER, name=OWNER, scopes=tuple(Scope), sha256=digest(self.own()), created_at=0.0
        )
        return Tokens((owner, *self.records()))

    def records(self) -> tuple[TokenRecord, ...]:
        """Return what was given to others, oldest first."""
        try:
            return msgspec.json.decode(_read(self._others), type=tuple[TokenRecord, ...])
        except FileNotFoundError:
            return ()
        except msgspec.DecodeError as error:
            raise TokenFileRefused(str(self._others), f"cannot be read: {error}") from error

    def create(
        self, name: str, scopes: Sequence[Scope], *, now_s: float, expires_at: float | None = None
    ) -> tuple[TokenRecord, str]:
        """Make a token for somebody; return its record and the token, which is not kept.

        Raises:
            InvalidToken: The name or the scopes cannot be.
        """
        if not _NAME.fullmatch(name) or name == OWNER:
            raise InvalidToken(
                "name", f"{name!r} is not 1 to 64 letters, digits, `.`, `_`, `@`, `-`, or is taken"
            )
        if not scopes:
            raise InvalidToken("scopes", "at least one is needed: read, run, control or admin")
        if expires_at is not None and expires_at <= now_s:
            raise InvalidToken("expires", "must be in the future")
        token = new_token()
        record = TokenRecord(
            id=secrets.token_hex(6),
            name=name,
            scopes=tuple(dict.fromkeys(scopes)),
            sha256=digest(token),
            created_at=now_s,
            expires_at=expires_at,
        )
        with _alone(self._others):
            self._write((*self.records(), record))
        return record, token

    def revoke(self, token_id: str) -> TokenRecord:
        """Make a token invalid; a running server closes its connections within a second.

        Raises:
            TokenNotFound: None has this id.
        """
        with _alone(self._others):
            records = self.records()
            for record in records:
                if record.id == token_id:
                    self._write(tuple(one for one in records if one.id != token_id))
                    return record
        raise TokenNotFound(token_id)

    def stamp(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Return what changes whenever one of the files does, its mode and owner included; cheap."""
        return tuple(_stamp(path) for path in (self._own, self._others))

    def _write(self, records: tuple[TokenRecord, ...]) -> None:
        _replace(self._others, msgspec.json.format(msgspec.json.encode(records)) + b"\n")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        facts = path.lstat()
    except OSError:
        return None
    return facts.st_ino, facts.st_ctime_ns, facts.st_size


def _read(path: Path) -> bytes:
    """Return a file's bytes, if nobody else can read or write it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise TokenFileRefused(str(path), f"cannot be opened: {error.strerror}") from error
    facts = os.fstat(fd)
    if not stat.S_ISREG(facts.st_mode):
        os.close(fd)
        raise TokenFileRefused(str(path), "is not a regular file")
    with open(fd, "rb") as file:  # noqa: PTH123 - the descriptor that was checked, not the path
        if facts.st_uid != os.geteuid():
            raise TokenFileRefused(str(path), f"belongs to user id {facts.st_uid}")
        if stat.S_IMODE(facts.st_mode) & _OTHERS:
            raise TokenFileRefused(
                str(path),
                f"is open to other users (mode {stat.S_IMODE(facts.st_mode):04o})",
                hint=f"Run `chmod 600 {path}` and, as others may have read it, `cc-executor token"
                " rotate`.",
            )
        return file.read(_MAX_FILE_BYTES)


def _create(path: Path, content: bytes) -> None:
    """Make a file whole or not at all; FileExistsError if there is one."""
    unfinished = _unfinished(path, content)
    try:
        path.hardlink_to(unfinished)
    finally:
        unfinished.unlink()


def _replace(path: Path, content: bytes) -> None:
    _unfinished(path, content).replace(path)


def _unfinished(path: Path, content: bytes) -> Path:
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        fd = os.open(unfinished, flags, layout.FILE_MODE)
    except OSError as error:
        raise TokenFileRefused(str(path), f"cannot be written: {error.strerror}") from error
    with open(fd, "wb") as file:  # noqa: PTH123 - made with the mode it must have
        file.write(content)
        file.flush()
        os.fsync(fd)
    return unfinished


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Change a file while nobody else does. Whoever holds the lock only writes a small file."""
    fd = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
