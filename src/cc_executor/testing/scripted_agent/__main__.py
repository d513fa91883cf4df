"""Entry point, both for `python -m` and for `python -I -S path/to/this/file`."""

from __future__ import annotations

import os
import sys

if not __package__:
    # Run by path: without -m nobody has made this folder a package (PEP 366).
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    __package__ = "scripted_agent"

from .player import main

if __name__ == "__main__":
    main(sys.argv[1:])
