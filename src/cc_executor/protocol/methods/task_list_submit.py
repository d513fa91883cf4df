"""Run a task list; nothing of it is lost from the moment that this is answered.

The parameters are those of a task file. The caller subscribes to what it wants to see.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cc_executor.model.budgets import Budget
from cc_executor.model.principals import Scope
from cc_executor.model.specs import Park, TaskList
from cc_executor.protocol.views import ExecutionView

NAME: Final = "task_list.submit"
SCOPE: Final = Scope.RUN

Result = ExecutionView


class Params(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A task list.

    Attributes:
        tasks: Prompts, or mappings as in a task file.
        workspace: Directory to work in; relative to the server's workspace.
        agent: The agent of tasks that name none.
        defaults: What holds for every task that does not say otherwise.
        title: For people, in lists.
        stop_on_failure: After a failure, skip what is left.
        priority: Among the lists of one owner, the higher one gets the next free place.
        budget: What its tasks may spend together.
        park: Whether, or how far, tasks that do not say wait for their account's usage window.
        sequential: Whether a task without `needs` waits for the one before it.
        idempotency_key: The same key and list give the same execution, however often sent.
        execution_id: The caller's choice of an id; not together with a key, which stands for one.
        records: Add `record` to the result: everything that is remembered.
    """

    tasks: list[Any]
    workspace: str | None = None
    agent: str | None = None
    defaults: dict[str, Any] = {}
    title: str = ""
    stop_on_failure: bool = True
    priority: int = 0
    budget: Budget | None = None
    park: Park | bool | None = None
    sequential: bool = True
    idempotency_key: str | None = None
    execution_id: str | None = None
    records: bool = False


#: The parameters that make a task list.
LIST_FIELDS: Final = (
    "tasks",
    "workspace",
    "agent",
    "defaults",
    "title",
    "stop_on_failure",
    "priority",
    "budget",
    "park",
)


def task_list_value(params: Params) -> dict[str, Any]:
    """Return the task list, as in a task file, that the parameters hold."""
    fields = {name: getattr(params, name) for name in LIST_FIELDS}
    return {name: value for name, value in fields.items() if value is not None}


def params_for(
    task_list: TaskList,
    *,
    idempotency_key: str | None = None,
    execution_id: str | None = None,
    records: bool = False,
) -> Params:
    """Return the parameters that submit a checked list as it is."""
    return Params(
        tasks=[msgspec.to_builtins(task) for task in task_list.tasks],
        workspace=task_list.workspace,
        title=task_list.title,
        stop_on_failure=task_list.stop_on_failure,
        priority=task_list.priority,
        budget=task_list.budget,
        idempotency_key=idempotency_key,
        execution_id=execution_id,
        records=records,
    )
