"""The state directory: who may use it, and where things are in it."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from cc_executor.errors import StateDirectoryRefused
from cc_executor.journal import layout

#: Version of the directory's layout; raised only when an older program must keep away.
FORMAT: Final = 1

_FORMAT_FILE: Final = "format"
_SALT_FILE: Final = "salt"
_SALT_BYTES: Final = 32
_MAX_FORMAT_CHARS: Final = 64
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class StateDirectory:
    """A directory of one user, made when it is missing. Blocking (files).

    It holds prompts, outputs and what agents were told: nobody else may look into it.

    Args:
        path: Where it is. Its parents are made as the umask says.

    Raises:
        StateDirectoryRefused: It belongs to somebody else, is open to others, is no directory,
            cannot be written, or was made by a newer version. Nothing was changed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=layout.FOLDER_MODE, exist_ok=True)
            self._check_owner_and_mode()
            self._check_format()
            self.executions.mkdir(mode=layout.FOLDER_MODE, exist_ok=True)
        except FileExistsError as error:
            raise self._refusal("is not a directory") from error
        except NotADirectoryError as error:
            raise self._refusal("lies below something that is not a directory") from error
        except OSError as error:
            raise self._refusal(f"cannot be used: {error.strerror}") from error

    @property
    def database(self) -> Path:
        """Where the store keeps executions, tasks and outcomes."""
        return self.path / "state.db"

    @property
    def sessions(self) -> Path:
        """Where servers keep their clients' sessions, unless a Redis does."""
        return self.path / "sessions.sqlite"

    def salt(self) -> bytes:
        """Return the secret of this directory, by which logins are told apart; made when missing.

        Without it nobody can try out which login a fingerprint belongs to.

        Raises:
            StateDirectoryRefused: It cannot be read or made.
        """
        file = self.path / _SALT_FILE
        try:
            if not file.exists():
                self._make_salt(file)
            return file.read_bytes()
        except OSError as error:
            raise self._refusal(f"cannot be used: {error.strerror}") from error

    def _make_salt(self, file: Path) -> None:
        # Whole or not at all, and the first one stays: another process may be making one.
        unfinished = file.with_name(f"{_SALT_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
        unfinished.touch(mode=layout.FILE_MODE)
        unfinished.write_bytes(secrets.token_bytes(_SALT_BYTES))
        try:
            with contextlib.suppress(FileExistsError):
                os.link(unfinished, file)
        finally:
            unfinished.unlink()

    @property
    def executions(self) -> Path:
        """The folder of all executions' folders."""
        return self.path / "executions"

    def execution(self, execution_id: str) -> Path:
        """Return the folder of an execution, whether it exists or not."""
        return self.executions / execution_id

    def attempt(self, attempt_id: str) -> Path:
        """Return the folder of an attempt, whether it exists or not."""
        execution_id, task, attempt = attempt_id.split(".")
        return self.executions / execution_id / task / attempt

    def _check_owner_and_mode(self) -> None:
        facts = self.path.stat()
        if not stat.S_ISDIR(facts.st_mode):
            raise self._refusal("is not a directory")
        if facts.st_uid != os.geteuid():
            raise self._refusal(f"belongs to user id {facts.st_uid}")
        mode = stat.S_IMODE(facts.st_mode)
        if mode & _OTHERS:
            if any(self.path.iterdir()):
                raise self._refusal(
                    f"is open to other users (mode {mode:04o})",
                    hint=f"Run `chmod 700 {self.path}`.",
                )
            self.path.chmod(layout.FOLDER_MODE)  # empty: made by hand, for us
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise self._refusal("is not writable")

    def _check_format(self) -> None:
        file = self.path / _FORMAT_FILE
        try:
            with file.open(encoding="ascii", errors="replace") as opened:
                found = opened.read(_MAX_FORMAT_CHARS).strip()
        except FileNotFoundError:
            self._write_format(file)
            return
        if not found.isascii() or not found.isdigit():
            raise self._refusal(f"has an unreadable {_FORMAT_FILE!r} file")
        if int(found) > FORMAT:
            raise self._refusal(
                f"has format {found}, this version knows {FORMAT}",
                hint="Upgrade cc-executor, or set CC_EXECUTOR_HOME to another directory.",
            )

    def _write_format(self, file: Path) -> None:
        # Whole or not at all: another process may be opening the same new directory.
        unfinished = file.with_name(f"{_FORMAT_FILE}.{os.getpid()}")
        unfinished.write_text(f"{FORMAT}\n", encoding="ascii")
        unfinished.chmod(layout.FILE_MODE)
        unfinished.replace(file)

    def _refusal(self, problem: str, *, hint: str | None = None) -> StateDirectoryRefused:
        refusal = StateDirectoryRefused(str(self.path), problem)
        if hint is not None:
            refusal.hint = hint
        return refusal
