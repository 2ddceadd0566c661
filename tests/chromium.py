"""The browser that pages are tried in: Debian's, where this machine has it."""

import os
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")


def require() -> None:
    """Skip the test that asks, or fail it if a browser is demanded, where there is none."""
    if CHROMIUM.exists():
        return
    why = f"There is no {CHROMIUM}; install it with apt-get install chromium."
    if os.environ.get("RECON_REQUIRE_BROWSER") == "1":
        pytest.fail(why)
    pytest.skip(why)
