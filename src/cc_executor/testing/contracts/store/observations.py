"""What is promised about what attempts took, and what they were expected to take."""

from __future__ import annotations

import msgspec
import pytest

from cc_executor.errors import StaleWrite
from cc_executor.model.forecasts import Band, Forecast, Observation, Subject
from cc_executor.model.lifecycle import Move
from cc_executor.model.records import AttemptEnded, Lease
from cc_executor.ports.store import Store
from cc_executor.testing.contracts.store.fixtures import WithStore
from cc_executor.testing.contracts.store.samples import (
    AGENT,
    AT,
    ended,
    move,
    owned,
    running,
    starting,
    succeeded,
)

FORECAST = Forecast(
    duration_s=Band(p50=1.5, p90=3.0, p99=9.25),
    cost_usd=Band(p50=0.01, p90=0.02, p99=0.04),
    timeout_s=12.0,
    observations=17,
    method="history: same prompt",
)


def observation(duration_s: float, *, agent: str = AGENT, digest: str = "ab") -> Observation:
    """Return what an attempt took, with everything that is known of it."""
    subject = Subject(
        agent=agent, model="m", effort="high", kind="naïve", digest=digest, tokens=7, load=0.5
    )
    return Observation(
        subject=subject,
        at=AT,
        duration_s=duration_s,
        ending="completed",
        turns=3,
        cost_usd=0.125,
        total_tokens=4_711,
        max_rss_bytes=1 << 40,
    )


def learned(task: str, observed: Observation, number: int = 1) -> AttemptEnded:
    """Return the change of an attempt that is over and teaches something."""
    return msgspec.structs.replace(ended(task, number), observed=observed)


class ObservationPromises(WithStore):
    async def begin(self, store: Store, execution_id: str = "run") -> Lease:
        lease = await owned(store, execution_id)
        one = f"{execution_id}.1"
        await store.record(lease, move(one, Move.START), starting(one), running(one))
        return lease

    async def test_what_attempts_took_is_kept_the_newest_first(self, store: Store) -> None:
        assert await store.observations(AGENT, limit=10) == ()
        lease = await self.begin(store)
        first, second = observation(1.5), observation(2.5)
        await store.record(lease, learned("run.1", first), move("run.1", Move.RETRY))
        await store.record(lease, starting("run.1", 2), learned("run.1", second, 2))
        assert await store.observations(AGENT, limit=10) == (second, first)
        assert await store.observations(AGENT, limit=1) == (second,)

    async def test_a_prompt_that_is_run_all_day_does_not_hide_the_others(
        self, store: Store
    ) -> None:
        lease = await self.begin(store)
        rare, *often = (
            observation(seconds, digest="rare" if seconds == 0 else "often") for seconds in range(6)
        )
        for number, observed in enumerate((rare, *often), start=1):
            await store.record(lease, learned("run.1", observed, number), move("run.1", Move.RETRY))
            await store.record(lease, starting("run.1", number + 1))
        newest_first = (*reversed(often), rare)
        for limit, each, expected in (
            (10, None, newest_first),
            (3, None, newest_first[:3]),
            (10, 2, (*newest_first[:2], rare)),
            (3, 10, newest_first[:3]),
            (2, 1, (newest_first[0], rare)),
        ):
            found = await store.observations(AGENT, limit=limit, of_one_prompt=each)
            assert found == expected, (limit, each)

    async def test_what_nobody_has_seen_stays_unknown(self, store: Store) -> None:
        lease = await self.begin(store)
        little = Observation(subject=Subject(agent=AGENT), at=AT, duration_s=0.0, ending="censored")
        await store.record(lease, learned("run.1", little))
        assert await store.observations(AGENT, limit=10) == (little,)

    async def test_each_agent_has_a_history_of_its_own(self, store: Store) -> None:
        lease = await self.begin(store)
        await store.record(lease, learned("run.1", observation(1.5, agent="command")))
        assert await store.observations(AGENT, limit=10) == ()
        assert len(await store.observations("command", limit=10)) == 1

    async def test_what_an_attempt_took_is_recorded_with_its_end_or_not_at_all(
        self, store: Store
    ) -> None:
        lease = await self.begin(store)
        end = learned("run.1", observation(1.5))
        with pytest.raises(StaleWrite):
            await store.record(lease, end, end)
        assert await store.observations(AGENT, limit=10) == ()

        await store.record(lease, end)
        with pytest.raises(StaleWrite):
            await store.record(lease, end)
        assert len(await store.observations(AGENT, limit=10)) == 1

    async def test_an_end_need_not_teach_anything(self, store: Store) -> None:
        lease = await self.begin(store)
        await store.record(lease, *succeeded("run.1"))
        assert await store.observations(AGENT, limit=10) == ()

    @pytest.mark.parametrize("limit", [0, -1, 10_001])
    async def test_a_limit_of_observations_is_kept_within_bounds(
        self, store: Store, limit: int
    ) -> None:
        with pytest.raises(ValueError, match="limit"):
            await store.observations(AGENT, limit=limit)

    async def test_an_attempt_and_its_task_keep_their_forecast(self, store: Store) -> None:
        lease = await owned(store)
        intent = msgspec.structs.replace(starting("run.1"), forecast=FORECAST)
        _, event, _ = await store.record(lease, move("run.1", Move.START), intent)

        [attempt] = await store.attempts("run.1")
        assert attempt.forecast == FORECAST
        first, second = await store.tasks("run")
        assert (first.forecast, first.attempted_at) == (FORECAST, AT)
        assert (second.forecast, second.attempted_at) == (None, None)
        said = event.data["forecast"]
        assert said["duration_s"] == {"p50": 1.5, "p90": 3.0, "p99": 9.25}
        assert (said["method"], said["observations"]) == ("history: same prompt", 17)
        assert "turns" not in said  # unknown is left out

    async def test_a_task_shows_the_forecast_of_its_latest_attempt(self, store: Store) -> None:
        lease = await owned(store)
        intent = msgspec.structs.replace(starting("run.1"), forecast=FORECAST)
        await store.record(lease, move("run.1", Move.START), intent)
        await store.record(lease, ended("run.1"), move("run.1", Move.RETRY))
        await store.record(lease, msgspec.structs.replace(starting("run.1", 2), at=AT + 5))
        task, _ = await store.tasks("run")
        assert (task.forecast, task.attempted_at) == (None, AT + 5)
