"""Methods about streams and the session that remembers them."""

from __future__ import annotations

import msgspec

from cc_executor.model.events import Cursor
from cc_executor.model.sessions import Subscription
from cc_executor.protocol.methods import (
    session_resume,
    stream_ack,
    stream_subscribe,
    stream_unsubscribe,
)
from cc_executor.server.rpc.caller import Caller


async def subscribe(caller: Caller, params: stream_subscribe.Params) -> stream_subscribe.Result:
    """Begin a stream."""
    of = stream_subscribe.check(params)
    execution, task = await caller.room.desk.find_task(caller.who, of)
    head = await caller.room.desk.head(caller.who, execution.id)
    cursor = params.after or (head if params.since == "now" else Cursor())
    subscription = Subscription(
        execution_id=execution.id,
        task_id=task.id if task is not None else None,
        cursor=cursor,
        progress=params.progress,
    )
    name = await caller.follow(
        subscription,
        agent_events=params.agent_events,
        until_end=params.until_end,
        binary=params.encoding == "binary",
    )
    return stream_subscribe.Result(
        subscription=name,
        execution_id=execution.id,
        task_id=subscription.task_id,
        head=head,
        cursor=cursor,
    )


async def acknowledge(caller: Caller, params: stream_ack.Params) -> stream_ack.Result:
    """Note how far the reader is."""
    return stream_ack.Result(cursor=caller.streams.acknowledge(params.subscription, params.cursor))


async def unsubscribe(
    caller: Caller, params: stream_unsubscribe.Params
) -> stream_unsubscribe.Result:
    """End a stream."""
    cursor = await caller.streams.close(params.subscription)
    await caller.kept()
    return stream_unsubscribe.Result(cursor=cursor)


async def resume_session(caller: Caller, params: session_resume.Params) -> session_resume.Result:
    """Take up an earlier session; what this connection follows is not followed any more."""
    session = await caller.session.resume(params.token)
    await caller.streams.aclose()
    resumed = []
    for name, kept in session.subscriptions.items():
        seen = params.cursors.get(name, kept.cursor)
        head = await caller.room.desk.head(caller.who, kept.execution_id)
        resumed.append(
            session_resume.ResumedStream(
                subscription=name,
                execution_id=kept.execution_id,
                task_id=kept.task_id,
                cursor=seen,
                head=head,
                missed=max(head.seq - seen.seq, 0),
            )
        )
        caller.streams.open(
            msgspec.structs.replace(kept, cursor=seen),
            name=name,
        )
    return session_resume.Result(
        session_id=caller.session.id,
        resume_token=caller.session.token,
        subscriptions=resumed,
    )
