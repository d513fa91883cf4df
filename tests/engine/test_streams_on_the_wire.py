"""An engine's streams, framed and read back: what a remote reader gets is what a local one gets."""

from __future__ import annotations

from collections.abc import Iterable

from cc_executor.client.executor import Executor
from cc_executor.model.events import Cursor, FromAgent, Lifecycle, Output, StreamEvent
from cc_executor.protocol.framing import Framer, Notice
from cc_executor.protocol.reading import StreamReader, Told, incoming
from cc_executor.testing.scripted_agent import Script
from tests.engine.conftest import InstallClaude

NOISE = (
    Script()
    .line("first")
    .line("to stderr", stream="stderr")
    .split("grün und größer " * 20, chunk_bytes=1)
    .binary(300_000)
    .lines(3_000, width_bytes=80)
)
AGENT = Script().claude_init().claude_text("Hello.").claude_text("Größer.").claude_result("Done.")
MAX_BYTES = 16 * 1024


async def sent(executor: Executor, of: str, after: Cursor | None = None) -> list[Notice]:
    framer = Framer("s", of, after=after, max_bytes=MAX_BYTES)
    stream = executor.stream(of, after=after)
    notices = [notice async for event in stream for notice in framer.feed(event)]
    return notices + framer.finish()


def read(reader: StreamReader, notices: Iterable[Notice]) -> list[StreamEvent]:
    said = [told for notice in notices for told in incoming(notice.encode())]
    events = [reader.read(told) for told in said if isinstance(told, Told)]
    return [event for event in events if isinstance(event, Lifecycle | Output | FromAgent)]


def told(
    events: Iterable[StreamEvent],
) -> tuple[list[Lifecycle], list[FromAgent], dict[str, bytes]]:
    """Return what was told, by kind; bytes by task and stream."""
    events = list(events)
    output: dict[str, bytes] = {}
    for event in events:
        if isinstance(event, Output):
            of = f"{event.task_id} {event.stream}"
            output[of] = output.get(of, b"") + event.data
    return (
        [event for event in events if isinstance(event, Lifecycle)],
        [event for event in events if isinstance(event, FromAgent)],
        output,
    )


async def test_a_remote_reader_gets_what_a_local_one_gets_also_after_any_message(
    claude: InstallClaude,
) -> None:
    async with Executor(claude(AGENT)) as executor:
        submitted = await executor.submit([{"command": NOISE.argv()}, "Say hello."])
        live = await sent(executor, submitted.id)
        local = told([event async for event in executor.stream(submitted.id)])

        assert told(read(StreamReader(), live)) == local
        assert local[1], "the agent said something"
        for cut in range(0, len(live), 3):
            reader = StreamReader()
            events = read(reader, live[:cut])
            events += read(reader, await sent(executor, submitted.id, after=reader.cursor))
            assert told(events) == local
