"""How one person likes the pages, kept in a cookie so that it outlives the session."""

import json
import zoneinfo
from dataclasses import asdict, dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

COOKIE = "preferences"
THEMES = {"auto": "As the system", "light": "Light", "dark": "Dark"}
DENSITIES = {"comfortable": "Comfortable", "compact": "Compact"}
_YEAR = 365 * 24 * 60 * 60


@dataclass(frozen=True)
class Preferences:
    """Theme, row height, time zone, and whether single keys work."""

    theme: str = "auto"
    density: str = "comfortable"
    time_zone: str = "UTC"
    keys: bool = True


def read(request: HttpRequest) -> Preferences:
    """Take the preferences from the cookie; anything unknown in it counts as not set."""
    try:
        given = json.loads(request.COOKIES.get(COOKIE, "{}"))
    except ValueError:
        return Preferences()
    return clean(given) if isinstance(given, dict) else Preferences()


def clean(given: dict[str, Any]) -> Preferences:
    """Keep what is a known choice; the rest falls back to the default."""
    default = Preferences()
    theme, density = given.get("theme"), given.get("density")
    time_zone, keys = given.get("time_zone"), given.get("keys")
    return Preferences(
        theme=theme if isinstance(theme, str) and theme in THEMES else default.theme,
        density=density if isinstance(density, str) and density in DENSITIES else default.density,
        time_zone=time_zone
        if isinstance(time_zone, str) and time_zone in zoneinfo.available_timezones()
        else default.time_zone,
        keys=keys if isinstance(keys, bool) else default.keys,
    )


def write(response: HttpResponse, preferences: Preferences) -> None:
    """Put the preferences into the answer's cookie."""
    response.set_cookie(
        COOKIE, json.dumps(asdict(preferences)), max_age=_YEAR, httponly=True, samesite="Lax"
    )
