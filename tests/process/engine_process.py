"""An engine that can be killed: starts or adopts one attempt and stays with it to its end.

Usage: engine_process.py start|adopt FOLDER [LAUNCH]
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from cc_executor.model.launch import Launch
from cc_executor.process.attending import Attended
from cc_executor.process.supervision import ProcessSupervision

sys.path.insert(0, str(Path(__file__).parents[2]))  # it is run by its path

from tests.measuring import measured_spawners


def say(word: str) -> None:
    """Tell the test where this engine stands."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


async def main(what: str, folder: Path, launch: str = "") -> None:
    """Say `attending` when the child runs and `ended` when it has ended."""
    supervision = ProcessSupervision()
    if what == "start":
        attempt = await supervision.start(msgspec.json.decode(launch, type=Launch), folder)
    else:
        found = await supervision.adopt(folder)
        if not isinstance(found, Attended):
            say("settled")
            return
        attempt = found
    say("attending")
    await attempt.wait()
    say("ended")
    await attempt.aclose()
    await supervision.aclose()


if __name__ == "__main__":
    with measured_spawners(Path(sys.argv[2]).parent):
        asyncio.run(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
