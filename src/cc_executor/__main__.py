"""`python -m cc_executor` is `cc-executor`."""

from __future__ import annotations

from cc_executor.cli.main import main

if __name__ == "__main__":
    main()
