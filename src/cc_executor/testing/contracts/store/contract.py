"""The suite: all promises of `ports.store.Store`."""

from __future__ import annotations

from cc_executor.testing.contracts.store.attempts import AttemptPromises
from cc_executor.testing.contracts.store.budgets import BudgetPromises
from cc_executor.testing.contracts.store.creation import CreationPromises
from cc_executor.testing.contracts.store.fixtures import MakeStore
from cc_executor.testing.contracts.store.leases import LeasePromises
from cc_executor.testing.contracts.store.machine import MachinePromises
from cc_executor.testing.contracts.store.moves import MovePromises
from cc_executor.testing.contracts.store.observations import ObservationPromises
from cc_executor.testing.contracts.store.reading import ReadingPromises
from cc_executor.testing.contracts.store.together import TogetherPromises
from cc_executor.testing.contracts.store.windows import WindowPromises

__all__ = ["MakeStore", "StoreContract"]


class StoreContract(
    CreationPromises,
    LeasePromises,
    MovePromises,
    AttemptPromises,
    ObservationPromises,
    ReadingPromises,
    TogetherPromises,
    WindowPromises,
    MachinePromises,
    BudgetPromises,
):
    """Subclass it and give it a fixture `make_store`: a `MakeStore`."""
