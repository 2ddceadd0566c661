"""Every pair of colours that meets on a page can be told apart, in both themes."""

import re
from pathlib import Path

import pytest

TOKENS = dict(
    re.findall(
        r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}, #[0-9a-f]{6})\)",
        Path("static/css/tokens.css").read_text(),
    )
)
TEXT, PART = 4.5, 3.0
BACKGROUNDS = ("bg", "surface", "surface-2")
TINTS = ("diff-del", "diff-add", "warn-soft", "bad-soft", "ok-soft", "accent-soft")
PAIRS = [
    *((over, under, TEXT) for over in ("text", "text-2") for under in BACKGROUNDS),
    *((over, "surface", TEXT) for over in ("accent", "ok", "warn", "bad")),
    *((f"{name}", f"{name}-soft", TEXT) for name in ("accent", "ok", "warn", "bad", "pause")),
    *(("text", under, TEXT) for under in TINTS),
    ("accent", "bg", TEXT),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-2", TEXT),
    ("surface", "text", TEXT),
    *((f"series-{number}", "surface", PART) for number in range(3)),
    *(("border-strong", under, PART) for under in ("surface", "bg")),
]  # fmt: skip


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("over", "under", "least"), PAIRS)
def test_contrast_is_enough(over: str, under: str, least: float, theme: int) -> None:
    one, other = (TOKENS[name].split(", ")[theme] for name in (over, under))

    assert contrast(one, other) >= least


def test_no_other_style_sheet_names_a_colour() -> None:
    sheets = [path for path in Path("static/css").glob("*.css") if path.name != "tokens.css"]

    assert not [
        path.name for path in sheets if re.search(r"#[0-9a-f]{3,8}\b|rgb\(", path.read_text())
    ]
