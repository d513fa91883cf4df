"""Exchanges two names for ever, as fast as it can: `swapping_process.py ONE OTHER`, until killed."""

from __future__ import annotations

import ctypes
import os
import sys

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def main() -> None:
    one, other = (os.fsencode(name) for name in sys.argv[1:])
    libc = ctypes.CDLL(None, use_errno=True)
    print("swapping", flush=True)  # noqa: T201 - whoever started it waits for this
    while libc.renameat2(_AT_FDCWD, one, _AT_FDCWD, other, _RENAME_EXCHANGE) == 0:
        pass
    sys.exit(f"renameat2: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
