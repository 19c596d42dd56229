"""Badges for a README: small SVGs that say what the newest figures of the history are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from reports import statistic
from reports.sections import Site

GOOD, BAD, NEUTRAL = "#17603d", "#8a3a06", "#4a4a46"
LABEL: Final = "#2e3338"

WIDE, NARROW, OTHER = "mwMW@%", "iljtfrI.,:;'|!() ", 6.7
"""Letters by width; the rest are OTHER pixels wide at 11 px. A line is stretched to what this adds up to."""

Said = tuple[str, str]
"""(text, colour)"""


def badge_files(site: Site) -> Mapping[str, bytes]:
    """Each badge that there are figures for, below ``badges/``."""
    found = {name: (label, said) for name, (label, say) in BADGES.items() if (said := say(site))}
    return {f"badges/{name}.svg": badge(label, *said).encode() for name, (label, said) in found.items()}


def _regressions(site: Site) -> Said | None:
    """At the newest commit of any machine, against the history before it."""
    found = site.judged
    if not found.cases:
        return None
    newest = {found.order(machine)[-1].hash for machine in found.machines}
    worse = [
        c for name in newest for c in found.by_commit.get(name, ()) if c.kind in ("worse", "unconfirmed")
    ]
    count = len(worse) + len(found.lost)
    if not count:
        return "no regression", GOOD
    return f"{count} regression{'s' if count > 1 else ''}", BAD


def _measured(site: Site) -> Said | None:
    count = len(site.inputs.history.commits)
    return (f"{count} commit{'s' if count > 1 else ''}", NEUTRAL) if count else None


def _exactness(site: Site) -> Said | None:
    """The largest error of a value in float32, newest figures, of the most exact implementation."""
    found = site.judged
    worst: dict[str, float] = {}
    for case in found.cases:
        parameters = dict(case.series.parameters)
        if case.series.benchmark.endswith(".track_value_ulp") and parameters.get("dtype") == "float32":
            implementation = case.subject.rpartition(", ")[2]
            worst[implementation] = max(worst.get(implementation, 0.0), case.newest.value)
    if not worst:
        return None
    best = min(worst, key=lambda name: (worst[name], name))
    return f"at most {statistic.rounded_up(worst[best])} ulp ({best})", NEUTRAL


BADGES: Mapping[str, tuple[str, Callable[[Site], Said | None]]] = {
    "regressions": ("newest commit", _regressions),
    "history": ("history", _measured),
    "exactness": ("float32 error", _exactness),
}
"""Name of the file -> label and what it says. A new badge is a function above and a row here."""


def badge(label: str, text: str, colour: str) -> str:
    """One badge as an SVG."""
    left, right = _width(label) + 12, _width(text) + 12
    total = left + right

    def words(said: str, x: float, width: float) -> str:
        return (
            f'<text x="{x + 6:.0f}" y="14" textLength="{width - 12:.0f}" '
            f'lengthAdjust="spacingAndGlyphs">{escape(said)}</text>'
        )

    whole = quoteattr(f"{label}: {text}")
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{total:.0f}" height="20" role="img"'
    return (
        f"{head} aria-label={whole}>"
        f"<title>{escape(f'{label}: {text}')}</title>"
        f'<clipPath id="round"><rect width="{total:.0f}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#round)"><rect width="{left:.0f}" height="20" fill="{LABEL}"/>'
        f'<rect x="{left:.0f}" width="{right:.0f}" height="20" fill="{colour}"/></g>'
        '<g fill="#ffffff" font-family="Verdana, DejaVu Sans, sans-serif" font-size="11">'
        f"{words(label, 0, left)}{words(text, left, right)}</g></svg>\n"
    )


def _width(text: str) -> float:
    return sum(9.5 if c in WIDE else 4.2 if c in NARROW else OTHER for c in text)
