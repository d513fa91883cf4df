"""CC Executor: coding-agent CLIs as supervised, durable tasks.

The names below are what we promise. They are loaded when they are first used: importing this
package opens nothing, starts nothing and takes a few milliseconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cc_executor.client.config import CCExecutorConfig as CCExecutorConfig
    from cc_executor.client.evidence import export_bundle as export_bundle
    from cc_executor.client.evidence import generate_report as generate_report
    from cc_executor.client.evidence import verify_bundle as verify_bundle
    from cc_executor.client.evidence import verify_execution as verify_execution
    from cc_executor.client.execute import cc_execute as cc_execute
    from cc_executor.client.execute import cc_execute_list as cc_execute_list
    from cc_executor.client.execute import cc_execute_list_sync as cc_execute_list_sync
    from cc_executor.client.execute import cc_execute_sync as cc_execute_sync
    from cc_executor.client.executor import Executor as Executor
    from cc_executor.client.history import export_execution_history as export_execution_history
    from cc_executor.client.remote.client import Client as Client
    from cc_executor.client.remote.sync import SyncClient as SyncClient
    from cc_executor.errors import CCExecutorError as CCExecutorError
    from cc_executor.model.events import Cursor as Cursor
    from cc_executor.model.events import FromAgent as FromAgent
    from cc_executor.model.events import Lifecycle as Lifecycle
    from cc_executor.model.events import Output as Output
    from cc_executor.model.forecasts import Forecast as Forecast
    from cc_executor.model.lifecycle import TaskState as TaskState
    from cc_executor.model.outcomes import Outcome as Outcome
    from cc_executor.model.outcomes import SchemaViolation as SchemaViolation
    from cc_executor.model.outcomes import TaskCancelled as TaskCancelled
    from cc_executor.model.outcomes import TaskFailed as TaskFailed
    from cc_executor.model.outcomes import TaskTimedOut as TaskTimedOut
    from cc_executor.model.outlooks import Outlook as Outlook
    from cc_executor.model.progress import ExecutionProgress as ExecutionProgress
    from cc_executor.model.progress import Progress as Progress
    from cc_executor.model.proofs import Examination as Examination
    from cc_executor.model.results import ExecutionResult as ExecutionResult
    from cc_executor.model.results import TaskResult as TaskResult
    from cc_executor.model.specs import TaskList as TaskList
    from cc_executor.model.specs import TaskSpec as TaskSpec

__version__: Final = "0.1.0"

_HOMES: Final = {
    "CCExecutorConfig": "client.config",
    "CCExecutorError": "errors",
    "Client": "client.remote.client",
    "Cursor": "model.events",
    "Examination": "model.proofs",
    "ExecutionProgress": "model.progress",
    "ExecutionResult": "model.results",
    "Executor": "client.executor",
    "Forecast": "model.forecasts",
    "FromAgent": "model.events",
    "Lifecycle": "model.events",
    "Outcome": "model.outcomes",
    "Outlook": "model.outlooks",
    "Output": "model.events",
    "Progress": "model.progress",
    "SchemaViolation": "model.outcomes",
    "SyncClient": "client.remote.sync",
    "TaskCancelled": "model.outcomes",
    "TaskFailed": "model.outcomes",
    "TaskList": "model.specs",
    "TaskResult": "model.results",
    "TaskSpec": "model.specs",
    "TaskState": "model.lifecycle",
    "TaskTimedOut": "model.outcomes",
    "cc_execute": "client.execute",
    "cc_execute_list": "client.execute",
    "cc_execute_list_sync": "client.execute",
    "cc_execute_sync": "client.execute",
    "export_bundle": "client.evidence",
    "export_execution_history": "client.history",
    "generate_report": "client.evidence",
    "verify_bundle": "client.evidence",
    "verify_execution": "client.evidence",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - the table is the list


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
