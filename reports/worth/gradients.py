"""What gradients at initialisation and dead units say about the claims: evidence -> finding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.dead.entries import Training
from benchmarks.flow.depths import deepest, of_setup, setups
from benchmarks.flow.entries import WITHIN, Flow
from benchmarks.train.statistics import holm, interval, paired_t
from gem_impls import Spec
from reports.worth.evidence import Evidence
from reports.worth.training import DEFAULTS
from reports.worth.verdicts import Finding, counted, listed, settled

FEWEST_SEEDS: Final = 3
"""In common, below which nothing is judged."""

# --- gradient flow --------------------------------------------------------------------------------------


def drift(flow: Flow, seed: int) -> float:
    """How fast the gradient of one seed shrinks or grows on its way back: |ln(size)| a layer, 0 at best.

    Over all layers where it arrived; where it left the interval, over the layers until then.
    """
    left = flow.backward_left[seed]
    if flow.backward_fate[seed] == WITHIN or left is None:
        size = flow.backward[seed][0]
        return abs(math.log(size)) / flow.depth if size else math.log(flow.limit) / flow.depth
    return math.log(flow.limit) / max(1, flow.depth - left + 1)


@dataclass(frozen=True)
class Steadier:
    """One variant against ReLU in one kind of network: ReLU's drift minus its own, > 0 where it is better."""

    setup: str
    function: str
    gain: float
    low: float
    high: float
    p: float


def steadier(e: Evidence) -> list[Steadier]:
    """Each default variant against ReLU with the same weights, in the deepest networks of each kind.

    Networks that begin with the activation's own gain have other weights for each: they are passed over.
    """
    flows = e.of("flow", Flow)
    found = []
    for setup in setups(flows):
        row = {f.activation: f for f in deepest(of_setup(flows, setup))}
        relu = row.get("relu")
        for own in (row.get(str(spec)) for spec in DEFAULTS):
            if relu is None or own is None or _mixed(relu, own):
                continue
            at = {seed: i for i, seed in enumerate(relu.seeds)}
            pairs = [drift(relu, at[seed]) - drift(own, i) for i, seed in enumerate(own.seeds) if seed in at]
            if len(pairs) >= FEWEST_SEEDS:
                d = interval(pairs)
                name = own.activation.partition("(")[0]
                found.append(Steadier(setup.name, name, d.mean, d.low, d.high, paired_t(pairs)))
    return found


def _mixed(one: Flow, other: Flow) -> bool:
    """Whether the two are of different networks, or of weights that differ by a gain."""
    return any(getattr(one, name) != getattr(other, name) for name in ("depth", "width", "limit", "gain"))


def better_flow(e: Evidence) -> Finding | None:
    """Steadier than ReLU in some kind of network, less steady in none, all comparisons taken together."""
    found = steadier(e)
    if not found:
        return None
    stand = holm([s.p for s in found])
    better = [s for s, stands in zip(found, stand, strict=True) if stands and s.low > 0]
    worse = [s for s, stands in zip(found, stand, strict=True) if stands and s.high < 0]
    depth = max(f.depth for f in e.of("flow", Flow))
    said = (
        f"Drift of the gradient a layer against ReLU's, {depth} layers, {counted(len(found), 'comparison')}: "
    )
    said += f"{len(better)} steadier, {len(worse)} less steady, {len(found) - len(better) - len(worse)} no "
    said += f"difference.{_where('Steadier', better)}{_where('Less steady', worse)}"
    if any(f.init == "own" for f in e.of("flow", Flow)):
        said += " Networks with each activation's own gain are not among them: their weights differ."
    return settled(said, [bool(better), not worse])


def _where(word: str, found: Sequence[Steadier]) -> str:
    by_setup: dict[str, list[str]] = {}
    for s in found:
        by_setup.setdefault(s.setup, []).append(s.function)
    each = [f"{', '.join(names)} ({setup})" for setup, names in by_setup.items()]
    return f" {word}: {listed(each, most=8)}." if each else ""


# --- dead neurons ---------------------------------------------------------------------------------------

SE_GEM: Final = Spec("se-gem")
BESIDE: Final[dict[str, Spec | str]] = {
    "gem": Spec("gem"),
    "e-gem": Spec("e-gem"),
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "GELU": "gelu",
}
"""What a sentence calls it -> whom se-gem stands beside."""


@dataclass(frozen=True)
class Dead:
    """The largest share of dead units at the last count, over scenarios and seeds, and where it was.

    The last count of a seed that diverged is the one before; ``diverged`` says how many did.
    """

    scenarios: int
    worst: float
    where: str
    diverged: int


def dead(e: Evidence, activation: Spec | str) -> Dead | None:
    """Over all scenarios; None where it was trained in none."""
    own = [t for t in e.of("dead", Training) if t.activation == str(activation)]
    shares = [(share, t.scenario) for t in own for share in _last(t)]
    if not shares:
        return None
    worst, where = max(shares)
    diverged = sum(step is not None for t in own for step in t.diverged_at)
    return Dead(len({t.scenario for t in own}), worst, where, diverged)


def _last(t: Training) -> list[float]:
    rows = ([count for count in row if count is not None] for row in t.dead)
    return [row[-1] / t.units for row in rows if row]


def none_dead(e: Evidence) -> Finding | None:
    """No unit of se-gem is dead in any scenario and seed; in some of them units of ReLU are."""
    own = dead(e, SE_GEM)
    if own is None:
        return None
    others = {label: found for label, name in BESIDE.items() if (found := dead(e, name))}
    words = [f"{label} {_percent(d)}" for label, d in others.items()]
    said = (
        f"Largest share of dead units at the end, over {counted(own.scenarios, 'scenario')} and all seeds: "
    )
    said += f"se-gem {_percent(own)}" + (f", {listed(words, most=8)}." if words else ".")
    if own.diverged:
        said += f" With se-gem {counted(own.diverged, 'training')} diverged: counted until then."
    relu = others.get("ReLU")
    return settled(said, [own.worst == 0, relu is not None and relu.worst > 0])


def _percent(d: Dead) -> str:
    """Never 0 where it is not 0."""
    if d.worst == 0:
        return "0 %"
    amount = "under 0.1 %" if d.worst < 0.001 else f"{100 * d.worst:.1f} %"
    return f"{amount} ({d.where})"
