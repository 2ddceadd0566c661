"""The README's example of an adapter is the adapter that there is, and is as short as it says."""

import re
from pathlib import Path

from reconciliation.sources import FORMATS

ROOT = Path(__file__).parents[3]
QUOTED = re.compile(r"<!-- file:(?P<path>\S+) -->\n```python\n(?P<code>.*?)```\n", re.DOTALL)


def test_the_readme_quotes_a_whole_adapter_and_its_test_in_under_sixty_lines() -> None:
    quoted = {
        found["path"]: found["code"] for found in QUOTED.finditer((ROOT / "README.md").read_text())
    }

    assert list(quoted) == [
        "reconciliation/sources/woocommerce.py",
        "tests/reconciliation/sources/test_woocommerce.py",
    ]
    for path, code in quoted.items():
        assert code == (ROOT / path).read_text(), path
    assert sum(len(code.splitlines()) for code in quoted.values()) < 60


def test_the_readme_names_every_format() -> None:
    text = (ROOT / "README.md").read_text()

    for each in FORMATS.values():
        assert each.is_secret_ours or f"`{each.name}`" in text
