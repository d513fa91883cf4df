"""What `ports.clock.Clock` promises."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from cc_executor.model.ids import ENTROPY_BYTES, new_execution_id
from cc_executor.ports.clock import Clock

#: Before the first release, and after anybody's last: milliseconds would lie behind it.
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
_LATEST = datetime(2500, 1, 1, tzinfo=UTC).timestamp()


class ClockContract:
    """Subclass it and give it a fixture `clock`: a `Clock`."""

    def test_instants_are_seconds_since_the_epoch(self, clock: Clock) -> None:
        now_s = clock.now_s()
        assert isinstance(now_s, float)
        assert _EARLIEST < now_s < _LATEST

    def test_asking_is_no_reason_to_wait_or_to_go_back(self, clock: Clock) -> None:
        instants = [clock.now_s() for _ in range(1000)]
        assert all(later >= earlier for earlier, later in pairwise(instants))
        assert instants[-1] - instants[0] < 60

    @pytest.mark.parametrize("count", [0, 1, 7, 16, 4096])
    def test_chance_has_the_length_that_was_asked_for(self, clock: Clock, count: int) -> None:
        drawn = clock.entropy(count)
        assert isinstance(drawn, bytes)
        assert len(drawn) == count

    def test_chance_takes_every_value_and_does_not_repeat_itself(self, clock: Clock) -> None:
        assert set(clock.entropy(16_384)) == set(range(256))
        draws = [clock.entropy(8) for _ in range(1000)]
        assert len(set(draws)) == len(draws)

    def test_ids_of_one_instant_are_told_apart_by_chance(self, clock: Clock) -> None:
        now_s = clock.now_s()
        ids = {
            new_execution_id(now_s=now_s, entropy=clock.entropy(ENTROPY_BYTES)) for _ in range(1000)
        }
        assert len(ids) == 1000
