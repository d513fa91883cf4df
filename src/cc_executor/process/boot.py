"""Starts the spawner in an interpreter that knows no site-packages.

Run by path with `-I -S`; the package is made importable by its own place on the disk.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # A file of cc_executor/process: its own folder is no place to import from.
    sys.path[:] = [path for path in sys.path if path != __file__.rpartition("/")[0]]
    sys.path.insert(0, __file__.rsplit("/", 3)[0])

    from cc_executor.process.spawner import main

    main(sys.argv[1:])
