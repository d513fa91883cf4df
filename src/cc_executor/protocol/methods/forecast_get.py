"""Tell what a task list may take before it starts, or what an execution has left.

Nothing is recorded or started. Give `tasks`, with the rest as in `task_list.submit`, or an
`execution_id`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cc_executor.errors import InvalidParams
from cc_executor.model.budgets import Budget
from cc_executor.model.outlooks import Outlook
from cc_executor.model.principals import Scope
from cc_executor.model.specs import Park, TaskList
from cc_executor.protocol.methods.task_list_submit import LIST_FIELDS

NAME: Final = "forecast.get"
SCOPE: Final = Scope.READ

Result = Outlook


class Params(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Of what.

    Attributes:
        execution_id: What this one has left; not together with `tasks`.
        tasks: Prompts, or mappings as in a task file.
        workspace: As in `task_list.submit`, as is all that follows; a forecast needs none of it.
        agent: The agent of tasks that name none.
        defaults: What holds for every task that does not say otherwise.
        title: For people.
        stop_on_failure: After a failure, skip what is left.
        priority: Among lists of one owner.
        budget: What its tasks may spend together.
        park: Whether, or how far, tasks wait for their account's usage window.
        sequential: Whether a task without `needs` waits for the one before it.
    """

    execution_id: str | None = None
    tasks: list[Any] | None = None
    workspace: str | None = None
    agent: str | None = None
    defaults: dict[str, Any] = {}
    title: str = ""
    stop_on_failure: bool = True
    priority: int = 0
    budget: Budget | None = None
    park: Park | bool | None = None
    sequential: bool = True


def task_list_value(params: Params) -> dict[str, Any] | None:
    """Return the task list, as in a task file, that the parameters hold; None: an execution.

    Raises:
        InvalidParams: They hold both, or neither.
    """
    if (params.tasks is None) == (params.execution_id is None):
        raise InvalidParams(
            "tasks", "either `tasks` or `execution_id` is needed", hint="Give one of them."
        )
    if params.tasks is None:
        return None
    given = msgspec.structs.asdict(params)
    fields = {name: given.get(name) for name in LIST_FIELDS}
    return {name: value for name, value in fields.items() if value is not None}


def params_for(task_list: TaskList) -> Params:
    """Return the parameters that ask for the forecast of a checked list."""
    return Params(tasks=[msgspec.to_builtins(task) for task in task_list.tasks])
