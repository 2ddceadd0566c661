"""The desk's world: an installed product, its people, and a system that takes write-backs."""

from collections.abc import Iterator

import pytest

from tests.exceptions.people import install_product
from tests.exceptions.target import Target, serve
from tests.world import NOON


@pytest.fixture
def installed(db: None) -> None:
    install_product()


@pytest.fixture
def target() -> Iterator[Target]:
    with serve(Target(at=NOON)) as listening:
        yield listening
