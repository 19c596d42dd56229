"""Advice, question by question: a sentence that follows from the records by a rule, and its figures."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from benchmarks.models.activations import GRID_EPS, GRID_N
from benchmarks.performance.crossover import curves
from benchmarks.performance.entries import Race
from benchmarks.performance.verdicts import best, pairwise
from benchmarks.shape.entries import Moments
from benchmarks.train.statistics import BETTER, WORSE, Comparison
from benchmarks.train.words import score_words
from gem_impls import VARIANTS, Spec
from reports import statistic
from reports.cells import Cell, Column, Row, Table
from reports.markdown import plain, table
from reports.performance.tables import spread
from reports.worth.ablation import Ablation, ablations, holding, short, tally, too_few
from reports.worth.claims import CLAIMS
from reports.worth.cost import DEVICES, GEM, fastest_words, training_races
from reports.worth.evidence import Evidence
from reports.worth.gradients import Dead, dead
from reports.worth.training import DEFAULTS, orders
from reports.worth.verdicts import listed, number

WHO: Final[tuple[Spec | str, ...]] = (*DEFAULTS, "relu", "gelu")
"""Who is in the table of variants."""


USUAL: Final = Spec("e-gem").eps

FEW: Final = "too few seeds to compare"
"""Said where verdicts would need more."""


def _measured_by(e: Evidence, *studies: str) -> str:
    return f"Measured by {listed([f'`{e.command(s)}`' for s in studies])}."


def _trained(e: Evidence) -> list[Ablation]:
    return ablations(e) if "train" in e.records else []


def _table(head: str, models: Sequence[Ablation], members: Iterable[Spec | str]) -> str:
    """Scores of those members that were trained, a column a model."""
    there = [m for m in members if any(a.of(m) for a in models)]
    rows = [Row((short(m),), tuple(_score(a, m) for a in models)) for m in there]
    return table(Table("", "", (head,), tuple(Column(a.setting.title) for a in models), tuple(rows)))


def _score(a: Ablation, activation: Spec | str) -> Cell:
    s = a.of(activation)
    return Cell(score_words(a.setting, s.interval) if s else "")


def _behind(a: Ablation, among: Iterable[Spec]) -> list[Spec]:
    """Those of ``among`` that are worse than another of them, all pairs taken together.

    All pairs, not only those with the best mean: who that is, the same seeds have decided.
    """
    made = _pairs(a, among)
    standing = {BETTER: {c.rival for c in made if c.holds and c.verdict == BETTER}}
    standing[WORSE] = {c.activation for c in made if c.holds and c.verdict == WORSE}
    return [spec for spec in among if str(spec) in standing[BETTER] | standing[WORSE]]


def _pairs(a: Ablation, among: Iterable[Spec]) -> list[Comparison]:
    return a.pairs(itertools.combinations(among, 2))


def _few(models: Iterable[Ablation], among: Sequence[Spec]) -> bool:
    """Whether any of ``among`` has too few seeds in common with another."""
    return any(too_few(_pairs(a, among)) for a in models)


def _said(e: Evidence, name: str) -> str:
    """A claim with its verdict and what was measured."""
    claim = next(c for c in CLAIMS if c.id == name)
    found = claim.finding(e)
    return f"*{plain(claim.text)}* {found.verdict[0].upper()}{found.verdict[1:]}. {plain(found.measured)}"


# --- which variant --------------------------------------------------------------------------------------


def variant(e: Evidence) -> Iterator[str]:
    """Whoever is worse in no model; of those, whoever kept all units alive."""
    models = _trained(e)
    deaths = {spec: found for spec in WHO if (found := dead(e, spec))}
    if models:
        yield _take_variant(models, deaths)
        each = [f"{plain(a.setting.title)}: {_against(a)}" for a in models]
        yield f"The three at N = 1 and their default ε, against ReLU and GELU: {'; '.join(each)}."
        yield _table("Activation", models, WHO)
    if deaths:
        yield _said(e, "no-dead")
        rows = [
            Row(
                (short(spec),),
                (Cell(f"{100 * d.worst:.1f} %", d.where if d.worst else ""), Cell(f"{d.diverged}")),
            )
            for spec, d in deaths.items()
        ]
        columns = (Column("dead units, worst seed and scenario"), Column("trainings that diverged"))
        yield table(Table("", "", ("Activation",), columns, tuple(rows)))
    if models or deaths:
        yield _measured_by(e, *(["train"] if models else []), *(["dead"] if deaths else []))


def _take_variant(models: Sequence[Ablation], deaths: dict[Spec | str, Dead]) -> str:
    behind = {str(spec) for a in models for spec in _behind(a, DEFAULTS)}
    level = [spec for spec in DEFAULTS if str(spec) not in behind]
    alive = [spec for spec in level if spec in deaths and deaths[spec].worst == 0]
    if _few(models, DEFAULTS):
        if not alive:
            return "**Too few seeds** to tell the variants apart."
        kept = listed([spec.variant for spec in alive])
        return f"**Take {kept}**: no unit died in training made to kill them. There are {FEW} how they train."
    if not level:
        return "**It depends on the network**: each variant is worse than another somewhere."
    names = listed([spec.variant for spec in level])
    if alive:
        kept = listed([spec.variant for spec in alive])
        others = f" Not told apart in training: {names}." if len(level) > 1 else ""
        why = "not seen to train worse, and no unit died in training made to kill them"
        return f"**Take {kept}**: {why}.{others}"
    if len(level) == len(DEFAULTS):
        return "**Take any**: training does not tell the variants apart."
    return f"**Take {names}**: the other variants are worse somewhere."


def _against(a: Ablation) -> str:
    made = a.pairs((spec, peer) for spec in DEFAULTS for peer in ("relu", "gelu"))
    return tally(made) if made else "not compared"


# --- which N, which eps ---------------------------------------------------------------------------------


def order(e: Evidence) -> Iterator[str]:
    """N = 1, but where a higher order is better."""
    models = _trained(e)
    if not models:
        return
    made = [(a, a.pairs(orders())) for a in models]
    few = any(too_few(pairs) for _, pairs in made)
    better = [plain(a.setting.title) for a, pairs in made if holding(pairs, BETTER)]
    worse = [plain(a.setting.title) for a, pairs in made if holding(pairs, WORSE)]
    if better:
        yield f"**Try N = 2 and 3, too**: a higher order was better than N = 1 in {listed(better)}."
    elif worse:
        yield f"**Take N = 1**: a higher order was better nowhere, and worse in {listed(worse)}."
    elif few:
        yield f"**Take N = 1**, the default: there are {FEW} orders."
    else:
        yield "**Take N = 1**, the default: no difference between orders stands."
    for name in ("first-order", "second-order", "hierarchy"):
        yield _said(e, name)
    yield _table("Default ε", models, (Spec(variant, n) for variant in VARIANTS for n in GRID_N))
    yield _measured_by(e, "train")


def eps(e: Evidence) -> Iterator[str]:
    """The default where it is worse than no other; else whatever is worse nowhere."""
    models = _trained(e)
    free = [variant for variant, row in VARIANTS.items() if not row.eps.fixed]
    if not models:
        return
    for name in free:
        grid = [Spec(name, 1, value) for value in GRID_EPS]
        behind = {a.setting.title: _behind(a, grid) for a in models}
        lost = {spec.eps for specs in behind.values() for spec in specs}
        if _few(models, grid):
            yield f"**{name}: keep the default, ε = {number(USUAL)}**: there are {FEW} others."
        else:
            yield _take_eps(name, [value for value in GRID_EPS if value not in lost])
        each = [
            f"{plain(title)}: {', '.join(number(spec.eps) for spec in specs)}"
            for title, specs in behind.items()
            if specs
        ]
        yield f"Worse than another of the five, {name}: {'; '.join(each) or 'none in any network'}."
    members = (Spec(name, 1, value) for name in free for value in GRID_EPS)
    yield table(
        Table(
            "",
            "",
            ("N = 1",),
            tuple(Column(a.setting.title) for a in models),
            tuple(
                Row((f"{spec.variant}, ε = {number(spec.eps)}",), tuple(_score(a, spec) for a in models))
                for spec in members
                if any(a.of(spec) for a in models)
            ),
        )
    )
    yield _measured_by(e, "train")


def _take_eps(name: str, level: Sequence[float]) -> str:
    values = listed([number(value) for value in level], most=9)
    if USUAL in level:
        return f"**{name}: keep the default, ε = {number(USUAL)}**. Worse than no other: {values}."
    if level:
        return f"**{name}: take ε = {values}**, worse than no other anywhere; the default is worse somewhere."
    return f"**{name}: it depends on the network**; each ε is worse than another somewhere."


# --- which gain -----------------------------------------------------------------------------------------

GAINS: Final = (
    "relu",
    *(str(Spec("gem", n)) for n in GRID_N),
    *(str(Spec("e-gem", 1, value)) for value in GRID_EPS),
    str(Spec("se-gem")),
    "gelu",
)
"""Whose gains are listed."""

NEAR: Final = 0.02
"""A gain that differs from ReLU's by less than this share of it is called ReLU's."""


def gain(e: Evidence) -> Iterator[str]:
    """Its own; ReLU's where the two hardly differ."""
    found = {m.function: m for m in e.of("shape", Moments) if m.std == 1 and m.function in GAINS}
    if not found:
        return
    relu = 2**0.5
    near = [name for name, m in found.items() if name != "relu" and abs(m.second**-0.5 / relu - 1) < NEAR]
    yield (
        "**Take `gem_impls.calculate_gain(spec, std)`**, for inputs of standard deviation `std`: the "
        "first column, where `std = 1`."
        + (f" ReLU's √2 is within {100 * NEAR:g} % of it for {_code(near)}." if near else "")
    )
    steep = {name: m.growth for name, m in found.items() if name not in ("relu", "gelu")}
    most = max(steep, key=steep.__getitem__, default="")
    yield (
        "The family is not scale invariant. *Growth* is the factor by which a small relative deviation of "
        "the variance grows from layer to layer at that gain, 1 for ReLU"
        + (f" and {steep[most]:.2f} for `{most}`." if most else ".")
        + " What that does to deep networks is on the report's page of gradients."
    )
    rows = [
        Row((name,), tuple(Cell(f"{v:.4f}") for v in (m.second**-0.5, m.slope_second**-0.5, m.growth)))
        for name in GAINS
        if (m := found.get(name))
    ]
    columns = (Column("gain, fan in"), Column("gain, fan out"), Column("growth"))
    yield table(Table("", "", ("Activation",), columns, tuple(rows)))
    yield _measured_by(e, "shape")


def _code(names: Sequence[str]) -> str:
    return listed([f"`{name}`" for name in names], most=9)


# --- which implementation -------------------------------------------------------------------------------


def implementation(e: Evidence) -> Iterator[str]:
    """Whoever is fastest most often, by device."""
    calls = _calls(e)
    layers = training_races(e)
    for device in DEVICES:
        cases = {
            "calls": [who for d, _, _, who in calls if d == device],
            "training steps of layers": [fastest_words(r, GEM) for r in layers if r.device == device],
        }
        every = [who for found in cases.values() for who in found if who]
        if every:
            leads = max(sorted(set(every)), key=every.count)
            said = [f"{own.count(leads)} of {len(own)} {what}" for what, own in cases.items() if own]
            yield f"**Take {plain(leads)} on {device}**: fastest in {listed(said)}."
    if calls:
        rows = [_call_row(*call) for call in _ends(calls)]
        columns = (Column("fastest"), Column("÷ ReLU"), Column("÷ GELU"))
        yield table(Table("", "", ("gem N = 1, a call",), columns, tuple(rows)))
    if layers:
        rows = [Row((race.block,), (Cell(fastest_words(race, GEM)),)) for race in layers]
        head = f"gem N = 1, training step, eager, {layers[0].device}"
        yield table(Table("", "", (head,), (Column("fastest"),), tuple(rows)))
    if calls or layers:
        yield _measured_by(e, *(["performance"] if calls else []), *(["blocks"] if layers else []))


Call = tuple[str, str, Race, str]
"""Device, passes, race, the fastest implementation."""


def _calls(e: Evidence) -> list[Call]:
    entries = e.of("performance", Race)
    return [
        (device, passes, race, who)
        for device in DEVICES
        for passes, races in curves(entries, device).items()
        for race in races
        if (who := best(race))
    ]


def _ends(calls: Sequence[Call]) -> list[Call]:
    """The smallest and the largest size of each pass."""
    found: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        found.setdefault(call[:2], []).append(call)
    return [call for several in found.values() for call in (several[0], *several[1:][-1:])]


def _call_row(device: str, passes: str, race: Race, who: str) -> Row:
    ratios = [
        Cell(*statistic.plain(spread(pairwise(race, who, peer)))) if peer in race.samples else Cell("")
        for peer in ("relu", "gelu")
    ]
    return Row((f"{device}, {passes}, {statistic.size(race.numel)} elements",), (Cell(who), *ratios))
