"""Statistics of raw samples. Everything on the page is recomputed from them; nothing stored is trusted."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context

from reports.powers import power

FEWEST_PAIRS = 4
"""Below this many rounds quartiles say nothing, and no verdict is given."""


@dataclass(frozen=True)
class Spread:
    """Median and quartiles (linear interpolation) of ``count`` samples."""

    median: float
    q1: float
    q3: float
    count: int

    @property
    def verdict(self) -> str:
        """What a ratio to a partner says: ``slower``, ``faster``, ``no difference``, ``too few rounds``."""
        if self.count < FEWEST_PAIRS:
            return "too few rounds"
        if self.q1 <= 1 <= self.q3:
            return "no difference"
        return "slower" if self.median > 1 else "faster"


def spread(samples: Sequence[float]) -> Spread:
    """Median and quartiles of one or more samples."""
    if len(samples) == 1:
        return Spread(samples[0], samples[0], samples[0], 1)
    q1, median, q3 = statistics.quantiles(samples, n=4, method="inclusive")
    return Spread(median, q1, q3, len(samples))


def ratio(samples: Sequence[float], partner: Sequence[float]) -> Spread:
    """Median and quartiles of ``samples[i] / partner[i]``: both were taken in the same rounds."""
    return spread([a / b for a, b in zip(samples, partner, strict=True)])


def ceiling_fraction(
    samples: Sequence[float], moved: int, partner: Sequence[float], partner_moved: int
) -> Spread:
    """The rate (bytes / second) as a fraction of the partner's, round by round."""
    scale = moved / partner_moved
    return spread([scale * b / a for a, b in zip(samples, partner, strict=True)])


# --- how numbers are written --------------------------------------------------------------------------

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def seconds(s: Spread) -> tuple[str, str]:
    """The median with its unit, and the quartiles in that unit: ``("1.23 ms", "1.20–1.25")``."""
    factor, unit = next((row for row in UNITS if s.median >= row[0]), UNITS[-1])
    median, quartiles = plain(Spread(s.median / factor, s.q1 / factor, s.q3 / factor, s.count))
    return f"{median} {unit}", quartiles


def percent(s: Spread) -> tuple[str, str]:
    """A fraction as per cent: ``("78 %", "76–80")``."""
    median, quartiles = plain(Spread(100 * s.median, 100 * s.q1, 100 * s.q3, s.count))
    return f"{median} %", quartiles


def plain(s: Spread) -> tuple[str, str]:
    """The median and the quartiles, in no more digits than the spread supports: two or three."""
    places = _places(s.median, s.q3 - s.q1)
    return f"{s.median:,.{places}f}", f"{s.q1:,.{places}f}–{s.q3:,.{places}f}"


def _places(median: float, width: float) -> int:
    """Decimal places: to the first digit of half the spread, within two or three significant digits."""
    magnitude = math.floor(math.log10(median)) if median > 0 else 0
    fewest, most = 1 - magnitude, 2 - magnitude
    wanted = -math.floor(math.log10(width / 2)) if width > 0 else most
    return max(0, min(max(wanted, fewest), most))


def rounded_up(value: float, digits: int = 3) -> str:
    """``value`` in ``digits`` significant digits, never below it: for "at most"."""
    short = Context(prec=digits, rounding=ROUND_CEILING, capitals=0).create_decimal(repr(value))
    if short == 0:
        return "0"
    if not 1e-3 <= short < 1e6:
        return f"{short:.{digits - 1}e}"
    return f"{short:.{max(0, digits - 1 - short.adjusted())}f}"


def count_bytes(value: float) -> str:
    """Bytes with a binary unit: ``64 KiB``."""
    for factor, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value:.3g} B"


def size(numel: int) -> str:
    """A power of two as such (``2²⁰``), any other count with its thousands apart."""
    if numel & (numel - 1) == 0 and numel > 16:
        return power(2, numel.bit_length() - 1)
    return f"{numel:,}"
