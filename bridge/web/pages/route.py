"""Who answers which page, as data."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bridge.web.pages.ask import Answer

Act: TypeAlias = Callable[..., Answer]
"""Takes the site, what is asked, and the groups of the path."""


class Needs(enum.Enum):
    """Whom a page is for."""

    NOTHING = "anybody"
    READER = "somebody signed in"
    WRITER = "somebody whose password may write"
    ADMIN = "an administrator"


@dataclass(frozen=True, slots=True)
class Route:
    """One page or form."""

    method: Literal["GET", "POST"]
    pattern: re.Pattern[str]
    act: Act
    needs: Needs


def get(pattern: str, act: Act, needs: Needs = Needs.READER) -> Route:
    """Return a page."""
    return Route("GET", re.compile(pattern), act, needs)


def post(pattern: str, act: Act, needs: Needs = Needs.WRITER) -> Route:
    """Return a form's target."""
    return Route("POST", re.compile(pattern), act, needs)
