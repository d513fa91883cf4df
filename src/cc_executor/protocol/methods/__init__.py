"""The methods of the wire, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cc_executor.errors import UnknownMethod
from cc_executor.protocol.methods import (
    control,
    execute,
    execution_cancel,
    execution_continue,
    execution_get,
    execution_list,
    execution_pause,
    execution_progress,
    execution_resume,
    execution_wait,
    forecast_get,
    history_list,
    hook_status,
    session_resume,
    status,
    stream_ack,
    stream_subscribe,
    stream_unsubscribe,
    task_cancel,
    task_get,
    task_list_submit,
    task_pause,
    task_resume,
)
from cc_executor.protocol.methods.method import Declaration, Method, read_params

_DECLARATIONS: Final[tuple[Declaration, ...]] = (
    execute,
    control,
    hook_status,
    status,
    task_list_submit,
    execution_get,
    execution_progress,
    execution_list,
    execution_wait,
    execution_cancel,
    execution_pause,
    execution_resume,
    execution_continue,
    task_get,
    task_cancel,
    task_pause,
    task_resume,
    stream_subscribe,
    stream_ack,
    stream_unsubscribe,
    session_resume,
    history_list,
    forecast_get,
)

#: Every method by name, in the order of the reference.
METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {declaration.NAME: Method.of(declaration) for declaration in _DECLARATIONS}
)

_SHOWN_CHARS: Final = 100


def method_named(name: str) -> Method:
    """Return a method.

    Raises:
        UnknownMethod: There is none of this name.
    """
    try:
        return METHODS[name]
    except KeyError:
        raise UnknownMethod(name[:_SHOWN_CHARS]) from None


__all__ = ["METHODS", "Method", "method_named", "read_params"]
