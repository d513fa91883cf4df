from __future__ import annotations

from pathlib import Path

import pytest

from cc_executor.testing.browser import Browser, NoBrowser


def test_a_machine_without_a_browser_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoBrowser, match="make setup"), Browser("about:blank"):
        pass


def test_a_browser_leaves_no_process_and_no_file() -> None:
    with Browser("about:blank") as browser:
        pid = browser.pid
        folder = browser.folder
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()
    assert not folder.exists()
