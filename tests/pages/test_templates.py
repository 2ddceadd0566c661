"""What no template may hold: the strict policy would block it, or htmx would misread it."""

import re
from pathlib import Path

import lucide
import pytest

TEMPLATES = sorted(Path("templates").rglob("*.html"))
FORBIDDEN = {
    "a style attribute": r"\sstyle=",
    "hx-on": r"\shx-on",
    "script in an attribute": r"js:",
    "a filter in hx-trigger": r'hx-trigger="[^"]*\[',
    "an inline script": r"<script(?![^>]*\ssrc=)[^>]*>",
    "an inline style sheet": r"<style",
    "a handler in an attribute": r"\son(click|submit|change|load|input)=",
}


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_template_holds(path: Path, what: str) -> None:
    assert not re.search(FORBIDDEN[what], path.read_text())


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
def test_every_icon_exists(path: Path) -> None:
    for name in re.findall(r'{% (?:lucide|icon) "([a-z0-9-]+)"', path.read_text()):
        assert lucide._load_icon(name) is not None


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
def test_what_is_spoken_comes_from_one_place(path: Path) -> None:
    spoken = re.findall(r"<[^>]*aria-live[^>]*>", path.read_text())

    assert all('id="announce"' in tag for tag in spoken)


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
def test_every_posting_form_carries_its_token(path: Path) -> None:
    forms = re.findall(r'<form[^>]*method="post".*?</form>', path.read_text(), re.DOTALL)

    assert all("csrf_token" in form for form in forms)


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
def test_every_swapping_link_leads_to_the_same_place_without_script(path: Path) -> None:
    for tag in re.findall(r"<a\s[^>]*hx-get[^>]*>", path.read_text()):
        href = re.search(r'\shref="([^"]*)"', tag)
        swap = re.search(r'\shx-get="([^"]*)"', tag)
        assert href
        assert swap
        assert href[1] == swap[1]


def test_the_script_and_the_styles_stay_small() -> None:
    on_every_page = ("tokens", "base", "components", "page")
    styles = sum(Path(f"static/css/{name}.css").stat().st_size for name in on_every_page)

    assert Path("static/js/app.js").stat().st_size <= 12_000
    assert styles <= 30_000


def test_every_key_that_does_something_is_listed() -> None:
    script = Path("static/js/app.js").read_text()
    block = re.search(r"^const keys = \{\n(.*?)^\};", script, re.MULTILINE | re.DOTALL)
    assert block
    known = set(re.findall(r"""(?:^|[ ,])"?([^\s"\w]|\w)"?: (?=\(\)|\w)""", block[1]))
    offered = {key for path in TEMPLATES for key in re.findall(r'data-key="(.)"', path.read_text())}
    listed = set(re.findall("<kbd>(.)</kbd>", Path("templates/config/_keys.html").read_text()))

    assert {"j", "!", "X", "?", "["} <= known
    assert {key.upper() for key in known | offered} - listed == set()
