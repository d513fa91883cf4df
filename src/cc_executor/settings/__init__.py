"""Every setting, declared once: variables, flags and documentation derive from here.

Precedence: defaults < `~/.config/cc-executor/config.toml` < `./cc-executor.toml` < environment <
flags. An unknown name is refused with the nearest known one.
"""

from __future__ import annotations

from cc_executor.settings.declared import SETTINGS, reference
from cc_executor.settings.loading import Row, Settings, load_settings
from cc_executor.settings.setting import Setting

__all__ = ["SETTINGS", "Row", "Setting", "Settings", "load_settings", "reference"]
