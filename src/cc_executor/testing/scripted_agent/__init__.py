"""A program that plays a script: the fake over all others for anything about processes.

Build a script, give its `argv()` to whatever is under test:

    >>> Script().line("hello").exit(3).argv()  # doctest: +SKIP
    ['/usr/bin/python3', '-I', '-S', '.../scripted_agent/__main__.py', '--inline', '[...]']

The program itself is standard library only and starts in about 35 ms. Every process that it
makes is bounded by a lifetime (300 s unless told otherwise), after which the kernel ends it
with SIGALRM: a failed test never leaves an eternal process.
"""

from __future__ import annotations

from .script import Script

__all__ = ["Script"]
