"""Signatures over a bundle's manifest, made and checked by OpenSSH's `ssh-keygen`.

Most people who would sign have a key of that kind already, and no cryptography is written here.

Source: ssh-keygen(1), `-Y`; PROTOCOL.sshsig. The namespace keeps a signature for anything else from
fitting.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from cc_executor.errors import BundleRefused, ProgramNotInstalled
from cc_executor.model.bundles import SIGNATURE_NAMESPACE
from cc_executor.process.run import Ran, run_subprocess

_PROGRAM: Final = "ssh-keygen"
_TIMEOUT_S: Final = 30.0
_FINGERPRINT: Final = re.compile(r"\bwith \S+ key (SHA256:\S+)")


class Signed(NamedTuple):
    """What a signature proves.

    Attributes:
        by: Who has signed, by the list of signers; without a list the fingerprint of the key.
        problem: Why it proves nothing.
    """

    by: str | None = None
    problem: str | None = None


def sign(content: bytes, key: Path) -> bytes:
    """Return a signature over `content`. Blocking (a program, 30 s at most).

    Args:
        content: What is signed.
        key: A private key without passphrase, or a public key whose private one an agent holds.

    Raises:
        ProgramNotInstalled: There is no `ssh-keygen`.
        BundleRefused: It would not sign with this key.
        NotResponding: It did not end in time.
    """
    with tempfile.TemporaryDirectory(prefix="cc-executor-") as folder:
        file = Path(folder, "content")
        file.write_bytes(content)
        ended = _run("to sign", "sign", "-f", str(key), "-n", SIGNATURE_NAMESPACE, str(file))
        if ended.exit_code != 0:
            said = _last_line(ended)
            hint = "Give a private key without passphrase, or a public key that ssh-agent knows."
            raise BundleRefused(str(key), f"cannot be signed with: {said}", hint=hint)
        return file.with_name("content.sig").read_bytes()


def check(content: bytes, signature: bytes, signers: Path | None) -> Signed:
    """Return what a signature over `content` proves. Blocking (a program, 60 s at most).

    Args:
        content: What should be signed.
        signature: As `sign` returned it.
        signers: File of allowed signers (ssh-keygen(1)); None: the key alone is told.

    Raises:
        ProgramNotInstalled: There is no `ssh-keygen`.
        NotResponding: It did not end in time.
    """
    with tempfile.TemporaryDirectory(prefix="cc-executor-") as folder:
        file, sig = Path(folder, "content"), Path(folder, "signature")
        file.write_bytes(content)
        sig.write_bytes(signature)
        common = ("-n", SIGNATURE_NAMESPACE, "-s", str(sig))
        if signers is None:
            ended = _run("to check a signature", "check-novalidate", *common, stdin=file)
            key = _FINGERPRINT.search(ended.stdout.decode(errors="replace"))
            if ended.exit_code == 0 and key is not None:
                return Signed(by=key[1])
            return Signed(problem=_last_line(ended))
        known = ("-f", str(signers), "-s", str(sig))
        ended = _run("to check a signature", "find-principals", *known)
        names = ended.stdout.decode(errors="replace").split("\n")
        if ended.exit_code != 0 or not names[0]:
            return Signed(problem=f"its key is not among the signers in {signers}")
        who = names[0].split(",")[0]
        ended = _run(
            "to check a signature", "verify", "-f", str(signers), "-I", who, *common, stdin=file
        )
        return Signed(by=who) if ended.exit_code == 0 else Signed(problem=_last_line(ended))


def _run(purpose: str, *arguments: str, stdin: Path | None = None) -> Ran:
    program = shutil.which(_PROGRAM)
    if program is None:
        hint = "Install OpenSSH's client (`apt install openssh-client`)."
        raise ProgramNotInstalled(_PROGRAM, purpose, hint=hint)
    given = None if stdin is None else str(stdin)
    call = partial(run_subprocess, [program, "-Y", *arguments], timeout_s=_TIMEOUT_S, stdin=given)
    with ThreadPoolExecutor(max_workers=1) as apart:  # the caller's thread may have a loop
        return apart.submit(call).result()


def _last_line(ended: Ran) -> str:
    said = (ended.stderr + b"\n" + ended.stdout).decode(errors="replace").split("\n")
    lines = [line.strip() for line in said if line.strip()]
    return lines[0] if lines else f"{_PROGRAM} ended with {ended.exit_code}"
