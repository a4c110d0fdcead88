"""What every test may count on: a browser where it asks for one."""

from __future__ import annotations

import os
import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def found() -> str | None:
    """The path of a Chromium: `CHROMIUM` of the environment, else the first on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and found() is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail("REQUIRE_BROWSER=1, and there is no Chromium", pytrace=False)
        pytest.skip("browser tests: no Chromium here (install chromium, or name one in CHROMIUM)")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the Chromium to start; for tests marked `browser`."""
    path = found()
    assert path is not None, "mark the test with pytest.mark.browser"
    return path
