"""The product's longer SQL, one statement a file, with a head comment that says what it does."""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent


@cache
def load(name: str) -> str:
    """Read the statement `name`.sql; it may hold `{places}` for its caller to fill."""
    return (_FOLDER / f"{name}.sql").read_text()
