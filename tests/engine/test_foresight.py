"""What an engine keeps at hand of the history: fresh enough, and never asked for task by task."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from cc_executor.engine.foresight import Foresight
from cc_executor.engine.outlooks import of_list
from cc_executor.errors import UnknownAgent
from cc_executor.forecast.forecasting import forecast
from cc_executor.model.forecasts import Forecast, Observation, Subject
from cc_executor.model.lists import task_list
from cc_executor.model.policy import Policy
from cc_executor.model.specs import TaskSpec
from cc_executor.testing.clock import ManualClock

POLICY = Policy(max_timeout_s=1_000.0)
MAKE = TaskSpec(command=("make", "all"))
ASK = TaskSpec(prompt="Say hello.")


class CountingStore:
    """Answers as a store does, and counts how often it is asked."""

    def __init__(self) -> None:
        self.kept: list[Observation] = []
        self.asked: list[str] = []

    async def observations(
        self, agent: str, *, limit: int, of_one_prompt: int | None = None
    ) -> tuple[Observation, ...]:
        assert of_one_prompt is not None
        self.asked.append(agent)
        await asyncio.sleep(0)
        newest_first = reversed(self.kept)
        return tuple(one for one in newest_first if one.subject.agent == agent)[:limit]


class Desk:
    def __init__(self) -> None:
        self.store = CountingStore()
        self.clock = ManualClock()
        store: Any = self.store  # the only method that is asked for
        self.foresight = Foresight(store, self.clock, POLICY)

    def observation(self, spec: TaskSpec, duration_s: float = 2.0) -> Observation:
        return Observation(
            subject=self.foresight.subject(spec),
            at=self.clock.now_s(),
            duration_s=duration_s,
            ending="completed",
        )

    def forecast(self, spec: TaskSpec) -> Forecast:
        return self.foresight.forecast(self.foresight.subject(spec))


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_task_that_starts_takes_a_forecast_that_is_a_second_old(desk: Desk) -> None:
    await desk.foresight.look_up({"command"})
    subject = desk.foresight.subject(MAKE)
    before = desk.foresight.forecast(subject, in_passing=True)
    for _ in range(20):
        desk.foresight.learn(desk.observation(MAKE), None)
    assert desk.foresight.forecast(subject, in_passing=True) == before
    desk.clock.advance(2)
    assert desk.foresight.forecast(subject, in_passing=True).observations == 20


async def test_the_store_is_asked_once_a_minute_however_many_ask(desk: Desk) -> None:
    await asyncio.gather(*(desk.foresight.look_up({"command"}) for _ in range(100)))
    for _ in range(100):
        await desk.foresight.look_up({"command"})
    assert desk.store.asked == ["command"]

    desk.clock.advance(61)
    await desk.foresight.look_up({"command", "claude"})
    assert sorted(desk.store.asked) == ["claude", "command", "command"]


async def test_agents_that_nobody_knows_are_not_looked_up(desk: Desk) -> None:
    await desk.foresight.look_up({f"agent{number}" for number in range(100)})
    assert desk.store.asked == []
    with pytest.raises(UnknownAgent):
        desk.foresight.subject(TaskSpec(prompt="x", agent="agent1"))


async def test_what_another_engine_learned_is_known_after_a_minute(desk: Desk) -> None:
    await desk.foresight.look_up({"command"})
    before = desk.forecast(MAKE)
    desk.store.kept += [desk.observation(MAKE) for _ in range(40)]
    assert desk.forecast(MAKE) == before

    desk.clock.advance(61)
    await desk.foresight.look_up({"command"})
    after = desk.forecast(MAKE)
    assert after.observations == 40
    assert after.duration_s.p50 < before.duration_s.p50


async def test_what_ended_here_is_known_at_once(desk: Desk) -> None:
    await desk.foresight.look_up({"command"})
    for _ in range(40):
        desk.foresight.learn(desk.observation(MAKE), None)
    assert desk.forecast(MAKE).observations == 40
    assert desk.store.asked == ["command"]


async def test_a_history_that_nobody_has_read_is_read_whole_later(desk: Desk) -> None:
    """What is learned before must not hide what is in the store."""
    desk.store.kept += [desk.observation(MAKE) for _ in range(40)]
    desk.foresight.learn(desk.observation(MAKE), None)
    await desk.foresight.look_up({"command"})
    assert desk.forecast(MAKE).observations == 40


async def test_a_long_history_is_not_looked_at_for_every_task(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Subject] = []

    def counting(subject: Subject, history: Sequence[Observation], bounds: Any) -> Forecast:
        made.append(subject)
        return forecast(subject, history, bounds)

    monkeypatch.setattr(f"{Foresight.__module__}.forecast", counting)
    desk.store.kept += [desk.observation(spec) for spec in (MAKE, ASK) for _ in range(1_000)]
    await desk.foresight.look_up({"command", "claude"})

    for _ in range(100):
        desk.forecast(MAKE)
        desk.foresight.learn(desk.observation(MAKE), None)
    assert 2 <= len(made) <= 10

    made.clear()
    never_seen = task_list([f"Prompt {number}." for number in range(5_000)], workspace="/")
    of_list(desk.foresight, never_seen, concurrency=4)
    assert len(made) < 50


async def test_a_prompt_that_runs_all_day_does_not_push_the_others_out(desk: Desk) -> None:
    await desk.foresight.look_up({"command"})
    nightly = msgspec.structs.replace(MAKE, command=("make", "nightly"))
    for _ in range(12):
        desk.foresight.learn(desk.observation(nightly, 3_600.0), None)
    for _ in range(2_000):
        desk.foresight.learn(desk.observation(MAKE), None)

    made = desk.forecast(nightly)
    assert (made.method, made.observations) == ("history: same prompt", 12)


async def test_a_short_history_is_looked_at_every_time(desk: Desk) -> None:
    await desk.foresight.look_up({"command"})
    seen = []
    for _ in range(14):
        desk.foresight.learn(desk.observation(MAKE), None)
        seen.append(desk.forecast(MAKE).observations)
    assert seen[-4:] == [11, 12, 13, 14]


async def test_a_command_is_bounded_by_the_cap_until_it_is_well_known(desk: Desk) -> None:
    await desk.foresight.look_up({"command"})
    other = msgspec.structs.replace(MAKE, command=("make", "clean"))
    for _ in range(29):
        desk.foresight.learn(desk.observation(MAKE), None)
    assert desk.forecast(MAKE).timeout_s == POLICY.max_timeout_s

    desk.foresight.learn(desk.observation(MAKE), None)
    assert desk.forecast(MAKE).timeout_s < POLICY.max_timeout_s
    assert desk.forecast(other).timeout_s == POLICY.max_timeout_s


async def test_what_is_not_like_anything_is_not_stopped_by_what_others_took(desk: Desk) -> None:
    """A user greets an agent a hundred times, and then gives it real work."""
    await desk.foresight.look_up({"claude"})
    work = TaskSpec(prompt="Move everything to the new API.")
    named = TaskSpec(prompt="Move it to the new API.", kind="migrate")
    other_model = msgspec.structs.replace(ASK, model="opus")
    formula_s = {spec.prompt: desk.forecast(spec).timeout_s for spec in (ASK, work, named)}
    for number in range(100):
        desk.foresight.learn(desk.observation(ASK), None)
        if number == 8:
            assert desk.forecast(ASK).timeout_s >= formula_s[ASK.prompt]

    assert desk.forecast(ASK).timeout_s < 60
    for spec in (work, named):
        assert desk.forecast(spec).timeout_s >= formula_s[spec.prompt]
        assert desk.forecast(spec).duration_s.p50 < formula_s[spec.prompt]  # it is a guess, told
    assert desk.forecast(other_model).timeout_s >= formula_s[ASK.prompt]


async def test_ten_runs_of_a_kind_are_enough_to_know_it_by(desk: Desk) -> None:
    await desk.foresight.look_up({"claude"})
    named = TaskSpec(prompt="Move it to the new API.", kind="migrate")
    formula_s = desk.forecast(named).timeout_s
    timeouts = []
    for number in range(10):
        alike = msgspec.structs.replace(named, prompt=f"Move part {number}.")
        desk.foresight.learn(desk.observation(alike, 30.0), None)
        timeouts.append(desk.forecast(named).timeout_s)

    assert all(timeout_s >= formula_s for timeout_s in timeouts[:9])
    assert 30 < timeouts[9] < formula_s


async def test_without_history_an_agent_is_bounded_by_its_tokens_and_the_cap(desk: Desk) -> None:
    small, large = desk.forecast(ASK), desk.forecast(TaskSpec(prompt="x" * 10_000_000))
    tokens = desk.foresight.subject(ASK).tokens
    expected = POLICY.timeout_base_s + POLICY.timeout_per_token_s * tokens
    assert small.method == "formula"
    assert small.timeout_s == pytest.approx(expected)
    assert large.timeout_s == POLICY.max_timeout_s


async def test_completed_runs_are_told_apart_by_how_they_met_their_forecast(desk: Desk) -> None:
    expected = desk.forecast(ASK)
    band = expected.duration_s
    for duration_s in (band.p50, band.p90, band.p90, band.p99, band.p99 + 1):
        desk.foresight.learn(desk.observation(ASK, duration_s), expected)
    cut = msgspec.structs.replace(desk.observation(ASK, 0.1), ending="censored")
    desk.foresight.learn(cut, expected)
    desk.foresight.learn(msgspec.structs.replace(cut, ending="failed"), expected)

    assert desk.foresight.tally == {
        ("claude", "p50"): 1,
        ("claude", "p90"): 2,
        ("claude", "p99"): 1,
        ("claude", "beyond"): 1,
    }
