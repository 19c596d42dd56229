"""Powers as people write them: ``2²⁰``. The page's templates turn these characters into real superscripts."""

from __future__ import annotations

import re
from typing import Final

RAISED: Final = str.maketrans("-−0123456789", "⁻⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power(base: int, exponent: int) -> str:
    """``power(10, -6)``: ``10⁻⁶``."""
    return f"{base}{str(exponent).translate(RAISED)}"


def superscript(text: str) -> str:
    """``2^20 elements`` as ``2²⁰ elements``."""
    return re.sub(r"(\d)\^(-?\d+)", lambda found: found[1] + found[2].translate(RAISED), text)
