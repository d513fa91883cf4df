"""What `ports.store.Store` promises."""

from __future__ import annotations

from cc_executor.testing.contracts.store.contract import MakeStore, StoreContract

__all__ = ["MakeStore", "StoreContract"]
