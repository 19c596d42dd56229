"""The page about the shape of the family: distance to ReLU, smoothness, steepness, and initialisation.

Nothing here depends on a machine: the worthiest record is shown, whichever machine it is from.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.shape.entries import CURVATURE, STEEPEST, Curve, Failure, Junction, Moments, Quantity
from benchmarks.shape.markdown import worst
from benchmarks.shape.moments import gains
from reports.kinds import SHAPE
from reports.sections import Block, Content, Section, Site
from reports.shape import figures, tables
from reports.shape.tables import figure
from reports.study_load import StudyStored
from reports.tables import moment

COMMAND = "python -m benchmarks shape"
LAYERS = 10
MOST_GROWTH = 1e9
"""A growth above it is a damaged file's; its power could be no number."""

FOLLOWED = ("relu", "gelu", "e-gem(n=1, eps=0.0001)", "gem(n=1)", "e-gem(n=1, eps=10.0)")
"""Functions whose gains the text compares, as far as the record has them."""


def record(site: Site) -> StudyStored | None:
    """The record that is shown: complete, whole, full, newest."""
    return max(site.inputs.loaded.of(SHAPE), key=lambda r: r.worth, default=None)


def _answer(site: Site) -> Content | None:
    r = record(site)
    if r is None:
        return None
    at_one = {m.function: m for m in r.of(Moments) if m.std == 1}
    failed = tables.failures(r.of(Failure))
    more = {
        "headline": _gains(at_one),
        "prose": [text for text in (_balance(at_one), _exactness(r)) if text],
        "remark": f"{moment(r.started)}{', quick run' if r.length == 'quick' else ''}"
        f"{'' if r.complete else ', not complete'}. Deterministic: any machine gives the same figures.",
        "command": COMMAND,
    }
    return Content((Block("", (), (failed,)),) if failed else (), more)


def _exactness(r: StudyStored) -> str:
    judged: list[Quantity | Junction] = [*r.of(Quantity), *r.of(Junction)]
    largest = worst(judged)
    if largest is None:
        return ""
    functions = len({q.function for q in judged})
    return (
        f"{len(judged)} figures of {functions} functions, found numerically in high precision, agree with "
        f"their closed forms to {figure(largest)} or better: the family is what its formulas promise. What "
        "they promise is a trade: the smaller ε, the closer to ReLU and the sharper the bend; the higher "
        "n, the more derivatives are continuous at 0 and the steeper the overshoot behind it."
    )


def _gains(at_one: dict[str, Moments]) -> str:
    """What initialisation needs, by function."""
    known = [at_one[name] for name in FOLLOWED if name in at_one]
    if not known:
        return ""
    said = ", ".join(f"{figure(gains(m).fan_in)} for {m.function}" for m in known)
    return f"Weights keep the variance of a normalised signal with a gain of {said}."


def _balance(at_one: dict[str, Moments]) -> str:
    """Whether one gain serves both ways."""
    family = [m for m in at_one.values() if "(" in m.function]
    if not family:
        return ""
    least, most = (pick(family, key=tables.gradient_factor) for pick in (min, max))
    return (
        "One gain serves both ways only where ε is small: with the gain that keeps the signal, the "
        f"variance of gradients is multiplied by {figure(tables.gradient_factor(least), 5)} "
        f"({least.function}) to {figure(tables.gradient_factor(most), 5)} ({most.function}) in every layer; "
        "ReLU keeps it."
    )


def _curves(site: Site) -> Content | None:
    r = record(site)
    drawn = tuple(figures.curves(r.of(Curve))) if r else ()
    return Content((Block("", drawn),)) if drawn else None


def _distance(site: Site) -> Content | None:
    r = record(site)
    found = r.of(Quantity) if r else ()
    made = tables.distances(found)
    drawn = tuple(figures.distances(found))
    return Content((Block("", drawn, tuple(made[:1]), tuple(made[1:])),)) if made else None


def _junction(site: Site) -> Content | None:
    r = record(site)
    found = r.of(Junction) if r else ()
    plain = [j for j in found if j.function.startswith("gem")]
    rest = [j for j in found if j not in plain]
    first, second = tables.junctions(plain or rest), tables.junctions(rest if plain else [])
    if first is None:
        return None
    folded = (tables.renamed(second, "junctions-more", "The same for the other variants"),) if second else ()
    return Content((Block("", (), (first,), folded),))


def _slopes(site: Site) -> Content | None:
    r = record(site)
    found = tables.slopes(r.of(Quantity)) if r else []
    if not r or not found:
        return None
    shown, *folded = found
    return Content((Block("", (), (shown,), tuple(folded)),), {"prose": _trade(r.of(Quantity))})


def _trade(found: Sequence[Quantity]) -> list[str]:
    """What a smaller eps costs, in the record's own figures."""
    bends = [q for q in found if q.name == CURVATURE and q.n == 1 and not q.negative_slope]
    steep = [q for q in found if q.name == STEEPEST]
    if len(bends) < 2 or not steep:
        return []
    least, most = min(bends, key=lambda q: q.eps), max(bends, key=lambda q: q.eps)
    text = (
        f"For n = 1 the largest |f″| is {figure(most.measured)} at ε = {most.eps:g} and "
        f"{figure(least.measured)} at ε = {least.eps:g}. The function is smooth at both, but for a step of "
        "an optimiser that is wider than the knee, a narrow knee is a corner."
    )
    return [text]


def _initialisation(site: Site) -> Content | None:
    r = record(site)
    found = r.of(Moments) if r else ()
    made = tables.initialisation(found)
    if not made:
        return None
    shown, *folded = made
    block = Block("", tuple(figures.responses(found)), (shown,), tuple(folded))
    return Content((block,), {"prose": _stability(found)})


def _stability(found: Sequence[Moments]) -> list[str]:
    """How fast a deviation grows, in layers."""
    at_one = {m.function: m.growth for m in found if m.std == 1 and 0 < m.growth < MOST_GROWTH}
    said = [f"{figure(at_one[f] ** LAYERS)} for {f}" for f in FOLLOWED if f in at_one]
    text = f"In {LAYERS} layers without normalisation a small deviation of the variance grows by a factor of "
    return [f"{text}{', '.join(said)}."] if said else []


SHAPE_SECTIONS: tuple[Section[Site], ...] = (
    Section("shape", "Shape of the family", "", _answer, "shape.html"),
    Section(
        "curves",
        "Near zero",
        "f(x) = x · g(x) with the gate g(x) = x²ⁿ/(ε + x²ⁿ) for x > 0. The gate is one half at ε^(1/2n), "
        "the scale on which everything happens; the same ε is another scale for another n.",
        _curves,
        "shape.html",
    ),
    Section(
        "distance",
        "How far from ReLU",
        "For se-gem the distance is to LeakyReLU, whose negative half adds the same again times the slope: "
        "the p-th power of the norm gains a factor 1 + |λ|^p.",
        _distance,
        "shape.html",
    ),
    Section(
        "junction",
        "How smooth at zero",
        "All derivatives up to order 2n are 0 from both sides; the next one jumps, from λ(2n+1)!/ε to "
        "(2n+1)!/ε. Found by one-sided differences in arithmetic of 40 digits and more, with steps that "
        "leave 10⁻²⁰ of the scale where the limit is 0.",
        _junction,
        "shape.html",
    ),
    Section(
        "slopes",
        "How steep and how curved",
        "The steepest slope, (2n+1)²/(8n), depends on n alone; curvature and the width of the knee follow "
        "the scale. On the negative half of se-gem all slopes are λ times those: 0 at 0, then up to "
        "λ(2n+1)²/(8n), and λ far out. No unit is dead there, but near 0 all are slow.",
        _slopes,
        "shape.html",
    ),
    Section(
        "initialisation",
        "How to initialise",
        "What nn.init.calculate_gain has no entry for: weights of standard deviation gain/√fan_in keep the "
        "variance of the signal, weights of gain/√fan_out that of gradients; gem_impls.calculate_gain gives "
        "both, for any function of the family and any standard deviation of its input. Centred is for "
        "layers that subtract the mean. Unlike ReLU the family is not scale invariant: a gain is right for "
        "one width of input, and a deviation from it grows from layer to layer by the factor in the last "
        "column. A normalisation layer before each activation holds the width, and makes the choice of gain "
        "matter less.",
        _initialisation,
        "shape.html",
    ),
)
"""In order. A new section is a function above and a row here."""
