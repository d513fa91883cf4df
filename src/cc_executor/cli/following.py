"""Following an execution to its end: our own, which Ctrl-C cancels, or another's, which it leaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from cc_executor.cli.executing import Executing
from cc_executor.cli.render.showing import Showing
from cc_executor.cli.render.view import View
from cc_executor.cli.running import Interrupts
from cc_executor.errors import CCExecutorError, InvalidTransition
from cc_executor.model.events import Cursor, StreamEvent
from cc_executor.model.results import ExecutionResult

#: How long a reader may still take for what there is to show, after somebody asked for the end.
_LAST_LOOK_S: Final = 5.0
#: How long a view may take to give the terminal back.
_CLOSING_S: Final = 2.0
#: How often a view is told that time has passed.
_TICK_S: Final = 1.0
#: How often it is told what is expected of the rest.
_LOOK_AHEAD_S: Final = 10.0


async def follow_own(
    executor: Executing, execution: ExecutionResult, view: View, interrupts: Interrupts
) -> ExecutionResult:
    """Show an execution of this process until it has ended. Ctrl-C cancels it, twice kills it.

    Raises:
        CCExecutorError: It could not be run to its end here.
        BrokenPipeError: Nobody reads what is shown; closing the executor cancels what still runs.
    """
    async with _opened(executor, view, execution) as showing:
        waiting = asyncio.ensure_future(executor.wait(execution.id, cancel_with_caller=False))
        following = asyncio.ensure_future(
            _show_whole(executor, execution.id, view, showing, waiting)
        )
        stop = _Stop(executor, execution.id, view, showing)
        try:
            with interrupts.handled_by(stop.interrupted):
                if interrupts.count:  # asked for while it was being submitted
                    stop.interrupted(interrupts.count)
                ended = await _ended(waiting, following)
            with interrupts.handled_by(lambda _: following.cancel()):
                await asyncio.wait([following], timeout=_LAST_LOOK_S if interrupts.count else None)
            if following.done() and not following.cancelled():
                await following
            return ended
        finally:
            await _drop(waiting, following, *stop.wishes)


async def follow_other(
    executor: Executing,
    execution: ExecutionResult,
    view: View,
    *,
    after: Cursor | None = None,
    until_end: bool = True,
    on_shown: Callable[[StreamEvent], None] | None = None,
) -> ExecutionResult:
    """Show an execution that may belong to another process, from a cursor on.

    Cancelling this leaves the execution alone.

    Args:
        executor: The client.
        execution: Which one.
        view: How it is shown.
        after: What has been shown before.
        until_end: Wait for what is to come. False: stop at what is there now.
        on_shown: Told of each event when it has been shown.

    Returns:
        The execution as it stands then.

    Raises:
        BrokenPipeError: Nobody reads what is shown.
    """
    async with _opened(executor, view, execution) as showing:
        await _show(
            executor,
            execution.id,
            view,
            showing,
            after=after,
            until_end=until_end,
            on_shown=on_shown,
        )
        if not until_end:
            return await executor.get(execution.id)
        ended = await executor.wait(execution.id, cancel_with_caller=False)
        await showing.call(view.end, ended)
        return ended


class _Stop:
    """Asks for the end of an execution, more urgently each time."""

    def __init__(
        self, executor: Executing, execution_id: str, view: View, showing: Showing
    ) -> None:
        self._executor = executor
        self._execution_id = execution_id
        self._view = view
        self._showing = showing
        self.wishes: list[asyncio.Future[None]] = []

    def interrupted(self, count: int) -> None:
        """Cancel at the first interrupt, kill at every other."""
        self.wishes.append(asyncio.ensure_future(self._stop(now=count > 1)))

    async def _stop(self, *, now: bool) -> None:
        said = "killing it" if now else "cancelling; Ctrl-C again kills it"
        self.wishes.append(asyncio.ensure_future(self._showing.call(self._view.notice, said)))
        try:
            await self._executor.cancel(self._execution_id, now=now)
        except InvalidTransition:
            return  # it ended first
        except CCExecutorError as refusal:
            await self._showing.call(self._view.notice, f"not cancelled: {refusal}")


@contextlib.asynccontextmanager
async def _opened(
    executor: Executing, view: View, execution: ExecutionResult
) -> AsyncIterator[Showing]:
    showing = Showing()
    beside: list[asyncio.Future[None]] = []
    try:
        await showing.call(view.begin, execution)
        beside.append(asyncio.ensure_future(_tick(view, showing)))
        if view.foresees:
            looking = _look_ahead(executor, execution.id, view, showing)
            beside.append(asyncio.ensure_future(looking))
        yield showing
    finally:
        await _drop(*beside)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                await showing.call(view.close)
        showing.close()


async def _tick(view: View, showing: Showing) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        await showing.call(view.tick)


async def _look_ahead(executor: Executing, execution_id: str, view: View, showing: Showing) -> None:
    """Tell the view now and then what is expected, as long as anybody knows."""
    with contextlib.suppress(CCExecutorError):  # a picture without it is none the worse
        while True:
            outlook = await executor.forecast_left(execution_id)
            await showing.call(view.foresee, outlook)
            await asyncio.sleep(_LOOK_AHEAD_S)


async def _show(
    executor: Executing,
    execution_id: str,
    view: View,
    showing: Showing,
    *,
    after: Cursor | None = None,
    until_end: bool = True,
    on_shown: Callable[[StreamEvent], None] | None = None,
) -> None:
    stream = executor.stream(
        execution_id, after=after, agent_events=view.agent_events, until_end=until_end
    )
    async for event in stream:
        await showing.call(view.show, event)
        if on_shown is not None:
            on_shown(event)


async def _show_whole(
    executor: Executing,
    execution_id: str,
    view: View,
    showing: Showing,
    waiting: asyncio.Future[ExecutionResult],
) -> None:
    await _show(executor, execution_id, view, showing)
    await showing.call(view.end, await asyncio.shield(waiting))


async def _ended(
    waiting: asyncio.Future[ExecutionResult], following: asyncio.Future[None]
) -> ExecutionResult:
    """Return the ended execution; do not wait for it when it cannot be shown any more."""
    both: tuple[asyncio.Future[Any], ...] = (waiting, following)
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    if following.done():
        await following
    return await waiting


async def _drop(*futures: asyncio.Future[Any]) -> None:
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)
