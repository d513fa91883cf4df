"""Forecasts through the clients of a server: the same values as in the same process."""

from __future__ import annotations

from pathlib import Path

import pytest

from cc_executor.client.remote.sync import SyncClient
from cc_executor.errors import ExecutionNotFound
from tests.server.process import QUICK, ServerProcess

LIST = [{"prompt": "a", "kind": "letter"}, {"command": ["true"]}]


async def test_a_client_forecasts_lists_and_executions(
    shared: ServerProcess, tmp_path: Path
) -> None:
    async with shared.client() as client:
        outlook = await client.forecast(LIST)
        ended = await client.run([{"command": ["true"]}], workspace=tmp_path)
        nothing = await client.forecast_left(ended.id)
        with pytest.raises(ExecutionNotFound):
            await client.forecast_left("nothing")

    assert [task.name for task in outlook.tasks] == ["task-1", "task-2"]
    assert outlook.forecast.duration_s.p50 >= outlook.tasks[0].forecast.duration_s.p50
    assert (nothing.execution_id, nothing.state, nothing.tasks) == (ended.id, "succeeded", ())
    assert ended.tasks[0].record.forecast is not None


def test_so_does_its_sync_twin(shared: ServerProcess, tmp_path: Path) -> None:
    client = SyncClient(shared.url, token_file=shared.home / "token", environ={}, bounds=QUICK)
    with client:
        assert len(client.forecast("Say hello.").tasks) == 1
        ended = client.run([{"command": ["true"]}], workspace=tmp_path)
        assert client.forecast_left(ended.id).tasks == ()
