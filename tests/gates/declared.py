"""What the package declares, found by importing all of it."""

from __future__ import annotations

import importlib

from tests.gates.source import SOURCE, modules_below

#: Never leave the rooms around a supervisor, which imports next to nothing; who catches them.
INTERNAL = {
    "cc_executor.cli.group.PipeClosed": "the command line: it ends quietly",
    "cc_executor.engine.admission.NotAdmitted": "the task's run: the outcome says it",
    "cc_executor.engine.gates.GateClosed": "the task's run: the outcome says it",
    "cc_executor.evidence.outputs.OutputFault": "who examines: a proof says it",
    "cc_executor.evidence.tar.TarFault": "who reads bundles: a proof says it",
    "cc_executor.process.child.CannotStart": "the supervisor: the outcome says it",
    "cc_executor.process.claim.AlreadyClaimed": "the supervisor: it leaves the attempt alone",
    "cc_executor.process.connections.Refused": "the supervisor: the answer says it",
    "cc_executor.process.standby.CannotContain": "the supervisor: the outcome says it",
    "cc_executor.workspace.beneath.PathRefused": "the guard's readers: a finding says why",
    "cc_executor.workspace.git.GitFailed": "grounds: a refusal or a result says it",
    "cc_executor.process.wire.WireLost": "the engine's side: it finds out what became of it",
}


def our_exceptions() -> list[type[BaseException]]:
    """Return every public exception class that a module of the package declares."""
    # What `testing` raises are failed assertions of somebody's tests, not refusals.
    names = [module.name for module in modules_below(SOURCE) if ".testing" not in module.name]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    return [
        value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, BaseException)
        and value.__module__ == module.__name__
        and not name.startswith("_")
        and f"{value.__module__}.{name}" not in INTERNAL
    ]
