"""The tables of the page on real layers: each a function of the record's races and counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from benchmarks.blocks import readings
from benchmarks.blocks.entries import (
    COMPILED,
    EAGER,
    FORWARD,
    IDENTITY,
    INLINED,
    PASSES,
    PEER,
    TRAINING,
    WRITTEN_OUT,
    Count,
    Failure,
    Race,
)
from benchmarks.blocks.readings import Moved, Reading
from benchmarks.blocks.words import nothing, percent_parts
from benchmarks.models.activations import named
from gem_impls import Spec
from reports import statistic
from reports.cells import Cell, Column, Row, Table, missing, ratio_cell, time_cell, with_footnotes
from reports.statistic import Spread
from reports.svg import word

NONE = "no activation"
USUAL = {
    IDENTITY: NONE,
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "gelu": "GELU",
    "gelu_tanh": "GELU (tanh)",
    "silu": "SiLU",
    "mish": "Mish",
    "softplus": "Softplus",
}
"""What the reader calls functions that are not of the family."""

Counts = Mapping[tuple[str, ...], Count]


def spread(r: Reading) -> Spread:
    """The same as the report's own."""
    return Spread(r.median, r.q1, r.q3, r.rounds)


def counts_of(counts: Sequence[Count]) -> dict[tuple[str, ...], Count]:
    """Counts by what they are of; see :func:`_key`."""
    return {_key(c, c.who): c for c in counts}


def _key(entry: Race | Count, who: str) -> tuple[str, ...]:
    return entry.block, entry.device, entry.dtype, entry.mode, entry.passes, who


# --- names ------------------------------------------------------------------------------------------------


def function_label(name: str) -> str:
    """``e-gem, n = 2``: the variant, n, and what is not its default; what is no function stays as it is."""
    if name in USUAL:
        return USUAL[name]
    try:
        spec = named(name).spec
    except (ValueError, TypeError):
        return name
    if spec is None:
        return name
    usual = Spec(spec.variant, spec.n)
    more = [f"{k} = {getattr(spec, k):g}" for k in ("eps", "negative_slope")]
    told = [text for text, k in zip(more, ("eps", "negative_slope"), strict=True) if _differs(spec, usual, k)]
    return ", ".join([spec.variant, f"n = {spec.n}", *told])


def _differs(spec: Spec, usual: Spec, name: str) -> bool:
    return bool(getattr(spec, name) != getattr(usual, name))


def implementation_label(race: Race, who: str) -> str:
    """Whose code: torch's own, an implementation's name, or the compiler's."""
    name = race.implementations[who]
    if race.functions[who] == IDENTITY:
        return ""
    if race.mode == COMPILED and name not in (INLINED, PEER, WRITTEN_OUT):
        return f"{name}, an operator"
    return {INLINED: "inlined", PEER: "torch"}.get(name, name)


def setting_label(race: Race) -> str:
    """``Training step, eager``."""
    return f"{race.passes.capitalize()}, {race.mode}"


def layer_label(race: Race) -> str:
    """The block's name, and where it is not on a CPU in float32, which dtype and device."""
    usual = (race.dtype, race.device) == ("float32", "cpu")
    return race.block if usual else f"{race.block}, {race.dtype}, {race.device}"


def shape_label(race: Race) -> str:
    """``512 × 768``."""
    return " × ".join(map(str, race.shape))


# --- what the choice moves --------------------------------------------------------------------------------


def choices(races: Sequence[Race]) -> Table | None:
    """A row a layer and mode: what the choice of activation, and that of implementation, moves."""
    rows: list[Row] = []
    moved, codes = readings.moved(races), readings.moved_by_implementation(races)
    at = {(*_where(r), r.mode, r.passes): i for i, r in enumerate(races)}
    for key in dict.fromkeys(_where(r) for r in races):
        modes = [mode for mode in (EAGER, COMPILED) if any((*key, mode, p) in at for p in PASSES)]
        for mode in modes:
            step, forward = (at.get((*key, mode, passes)) for passes in (TRAINING, FORWARD))
            training = None if step is None else races[step]
            cells = (
                _moved(moved, step, ends=True),
                _moved(moved, forward),
                *(_share_of(training, function) for function in ("gelu", None)),
                *(_family_against(training, partner) for partner in ("gelu", "relu")),
                _moved(codes, step, none="one implementation"),
            )
            label = layer_label(next(r for r in races if _where(r) == key))
            rows.append(Row((label if mode == modes[0] else "", mode), cells))
    if not rows:
        return None
    columns = (
        Column("training step", "The choice of activation moves"),
        Column("forward", "The choice of activation moves"),
        Column("GELU", "Share of a training step"),
        Column("gem, n = 1", "Share of a training step"),
        Column("÷ GELU", "Training step with gem, n = 1"),
        Column("÷ ReLU", "Training step with gem, n = 1"),
        Column("moves", "Its code"),
    )
    caption = (
        "What the choice moves, each activation in its fastest implementation: median and quartiles, where "
        "it stands (Friedman's test within rounds; each of these columns by Holm's method at 5 %). Its code: "
        "from gem's slowest implementation to its fastest"
    )
    made = with_footnotes(Table("choices", caption, ("Layer", "Model"), columns, tuple(rows)))
    return replace(made, notes=(*made.notes, *_about_compiled_relu(races)))


def _about_compiled_relu(races: Sequence[Race]) -> Iterator[str]:
    """What a compiled CPU model makes of ReLU is no property of ReLU."""
    own = [r for r in races if (r.mode, r.device) == (COMPILED, "cpu") and "relu" in r.functions.values()]
    if not own:
        return
    beside = all(WRITTEN_OUT in r.implementations.values() for r in own)
    yield (
        "Compiled on a CPU: of torch's own ReLU the compiler can make slower code than of the same function "
        f"as {WRITTEN_OUT}(x > 0, x, 0). "
        + ("Both are timed; here ReLU is the faster of the two." if beside else NOT_BESIDE)
    )


NOT_BESIDE = (
    "That was not timed in this run: where ReLU is the dearer end of a compiled model, that may be the "
    "compiler's doing and not the function's."
)


def _where(race: Race) -> tuple[str, ...]:
    return race.block, race.dtype, race.device


def _moved(
    several: Sequence[Moved | None],
    index: int | None,
    none: str = "not part of this run",
    *,
    ends: bool = False,
) -> Cell:
    found = None if index is None else several[index]
    if found is None:
        return missing(none)
    if not found.seen:
        return Cell(*nothing(found), "same", value=0.0)
    text, quartiles = percent_parts(found.part)
    return Cell(text, f"{quartiles}; {ends_label(found)}" if ends else quartiles, value=found.part.median)


def ends_label(found: Moved) -> str:
    """``GELU to gem``: from the dearest to the cheapest."""
    return " to ".join(
        " or ".join(function_label(name).removesuffix(", n = 1") for name in end)
        for end in (found.dearest, found.cheapest)
    )


def _share_of(race: Race | None, function: str | None) -> Cell:
    """The share of ``function`` (None: the first of the family) in its fastest implementation."""
    function = function or (readings.first_of_family(race) if race else None)
    who = readings.fastest(race).get(function or "") if race else None
    return _share(readings.share(race, who)) if race and who else missing("not part of this run")


def _family_against(race: Race | None, partner: str) -> Cell:
    function = readings.first_of_family(race) if race else None
    if race is None or function is None:
        return missing("not part of this run")
    fastest = readings.fastest(race)
    r = readings.ratio(race, fastest[function], fastest.get(partner, partner))
    return ratio_cell(spread(r) if r else None)


# --- one race ---------------------------------------------------------------------------------------------


def race_table(race: Race, counts: Counts) -> Table:
    """Everybody in one race: time, ratios, the activation's share, bytes."""
    rows: list[Row] = []
    seen = ""
    for who in race.samples:
        function = function_label(race.functions[who])
        cells = (
            time_cell(spread(readings.seconds(race, who))),
            *(_against(race, who, partner) for partner in ("relu", "gelu")),
            *_shares(race, who),
            *_bytes(race, counts.get(_key(race, who))),
        )
        head = "" if function == seen else function
        rows.append(Row((head, implementation_label(race, who)), cells))
        seen = function
    heads = ["time", "÷ ReLU", "÷ GELU", *_share_heads(race), "peak"]
    heads += ["saved"] if race.passes == TRAINING else []
    caption = f"{setting_label(race)}: {race.block}, {shape_label(race)}, {race.dtype}, {race.device}"
    name = word(f"{race.block}-{race.passes}-{race.mode}-{race.dtype}-{race.device}")
    columns = tuple(map(Column, heads))
    made = with_footnotes(
        Table(f"race-{name}", caption, ("Activation", "Implementation"), columns, tuple(rows))
    )
    left_out = tuple(f"Left out: {who}: {why}" for who, why in race.left_out.items())
    return replace(made, notes=(*made.notes, *left_out))


def _against(race: Race, who: str, partner: str) -> Cell:
    if who == partner:
        return Cell("1")
    r = readings.ratio(race, who, partner)
    return ratio_cell(spread(r) if r else None)


def _share_heads(race: Race) -> Iterator[str]:
    yield "share"
    if race.alone:
        yield "by itself"


def _shares(race: Race, who: str) -> Iterator[Cell]:
    if race.functions[who] == IDENTITY:
        yield from (Cell("") for _ in _share_heads(race))
        return
    yield _share(readings.share(race, who))
    if race.alone:
        yield _share(readings.share_alone(race, who))


def _share(r: Reading | None) -> Cell:
    if r is None:
        return missing("no step without activation beside it")
    text, quartiles = percent_parts(r)
    return Cell(text, quartiles, value=r.median) if r.q1 > 0 else Cell("not seen", quartiles, "same")


def _bytes(race: Race, count: Count | None) -> Iterator[Cell]:
    counted = [count.peak_bytes if count else None]
    if race.passes == TRAINING:
        counted.append(count.saved_bytes if count else None)
    why = (count.reason if count else None) or "not counted"
    for n in counted:
        yield missing(why) if n is None else Cell(statistic.count_bytes(n), value=float(n))


# --- what failed ------------------------------------------------------------------------------------------


def failures(found: Sequence[Failure]) -> Table | None:
    """What should have been measured and was not."""
    rows = tuple(Row((f.piece,), (Cell(f.reason, tone="text"),)) for f in found)
    columns = (Column("Why it has no figure", text=True),)
    return Table("failures", "Failed", ("What",), columns, rows, wordy=True) if rows else None
