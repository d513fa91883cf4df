"""A certificate for tests: made on the spot, for this machine's own names, and trusted by nobody else."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

_NAMES: Final = "subjectAltName=DNS:localhost,DNS:tasks.example,IP:127.0.0.1,IP:::1"


class Certificate(NamedTuple):
    """Paths of the two files."""

    chain: Path
    key: Path


def certificate(folder: Path) -> Certificate:
    """Make one that is valid for a day."""
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext", _NAMES,
         "-keyout", str(made.key), "-out", str(made.chain)],
        check=True,
        capture_output=True,
        timeout=60,
    )  # fmt: skip
    return made


def trusting(made: Certificate) -> ssl.SSLContext:
    """Return the context of a client that trusts it and nothing else."""
    return ssl.create_default_context(cafile=str(made.chain))
