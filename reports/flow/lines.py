"""How activations look in the figures of gradients: who is drawn, in which colour, and with which label."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.models.activations import Activation, named, peers
from gem_impls import Spec
from gem_impls.spec import VARIANTS
from reports.powers import power
from reports.svg import PEER, SERIES

DASHES: Final[tuple[Any, ...]] = ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
MARKS: Final = ("o", "s", "^", "D", "v", "P")

DRAWN_N: Final = (1, 2)
"""Orders that lines are drawn for; the heat maps and the tables have all that was measured."""

LONGEST: Final = 34


@dataclass(frozen=True)
class Look:
    """How one activation is drawn."""

    label: str
    colour: str
    dashes: Any = "-"
    marker: str = ""


def looks() -> dict[str, Look]:
    """Who is drawn as a line: the peers in grey, each variant at its default parameters for n = 1 and 2."""
    found = {a.name: Look(a.name, PEER, dashes) for a, dashes in zip(peers(), DASHES, strict=False)}
    family = [Activation(Spec(variant, n)) for variant in VARIANTS for n in DRAWN_N]
    for index, a in enumerate(family):
        colour, marker = SERIES[index % len(SERIES)], MARKS[index % len(MARKS)]
        found[a.name] = Look(label(a.name), colour, "-", marker)
    return found


def drawn(names: Collection[str]) -> dict[str, Look]:
    """Those of :func:`looks` that are among ``names``."""
    return {name: look for name, look in looks().items() if name in names}


def label(name: str) -> str:
    """A short name: ``e-gem n=1 ε=0.0001``; a name that no activation has stays what it is, shortened."""
    variant, parameters = parts(name)
    return clipped(f"{variant} {parameters}".strip())


def parts(name: str) -> tuple[str, str]:
    """Variant and parameters: ``("e-gem", "n=1 ε=0.0001")``; ``("relu", "")`` for a peer.

    The negative slope is left out where it is the variant's default.
    """
    try:
        spec = named(name).spec
    except (ValueError, TypeError):
        return name, ""
    if spec is None:
        return name, ""
    row = VARIANTS[spec.variant]
    said = [f"n={spec.n}"]
    said += [] if row.eps.fixed else [f"ε={spec.eps:g}"]
    if spec.negative_slope != row.negative_slope.default:
        said.append(f"λ={spec.negative_slope:g}")
    return spec.variant, " ".join(said)


def clipped(text: str) -> str:
    """``text`` where it is short enough for a figure, else its beginning."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def line(
    axes: Axes,
    look: Look,
    x: Sequence[float],
    low: Sequence[float],
    middle: Sequence[float],
    high: Sequence[float],
) -> None:
    """A line with its band, which is drawn thin for peers."""
    axes.fill_between(x, low, high, color=look.colour, alpha=0.10, linewidth=0)
    axes.plot(
        x, middle, color=look.colour, linestyle=look.dashes, marker=look.marker or None, markersize=4,
        linewidth=1.3, label=look.label,
    )  # fmt: skip


def legend(figure: Figure) -> None:
    """Who is who, below the figure."""
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8.5)


def power_of_ten(exponent: int) -> str:
    """``10⁻⁶``, and ``1`` for 0."""
    return power(10, exponent) if exponent else "1"


def spoken(values: Mapping[str, str]) -> str:
    """For those who do not see the figure: every line's name and what it ends at."""
    return "; ".join(f"{name} {value}" for name, value in values.items())
