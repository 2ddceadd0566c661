"""The arrangement of a list in its address, and the form that changes it.

`sort=money`, `cols=source,route` ("none" for none) and `density=compact`: what a view says already
is not said again.
"""

from django.http import QueryDict

from exceptions.arrangement import SORTS, Arrangement, clean

_NONE, _FORM = "none", "arrange"


def read(given: QueryDict, *, base: Arrangement) -> Arrangement:
    """Read it from an address; what is not said, or unknown, is as in `base`."""
    columns = [name for text in given.getlist("cols") for name in text.split(",")]
    asked = clean(sort=given.get("sort", ""), columns=columns, density=given.get("density", ""))
    return Arrangement(
        sort=asked.sort if given.get("sort") in SORTS else base.sort,
        columns=asked.columns if "cols" in given else base.columns,
        density=asked.density or base.density,
    )


def said(arranged: Arrangement, *, base: Arrangement) -> dict[str, str]:
    """Write what an address says of it beyond `base`."""
    parts = {
        "sort": (arranged.sort, base.sort),
        "cols": (",".join(arranged.columns) or _NONE, ",".join(base.columns) or _NONE),
        "density": (arranged.density, base.density),
    }
    return {name: value for name, (value, known) in parts.items() if value != known}


def is_form(given: QueryDict) -> bool:
    """Tell whether the address comes from the form."""
    return _FORM in given
