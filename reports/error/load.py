"""The error laboratory's JSON (schema 1) -> checked records. What can be recomputed from maps is not read."""

from __future__ import annotations

import math
import re

from gem_impls.oracle import FORMATS
from reports.entries import DEVICES, Say, each, environment
from reports.error.records import (
    WHATS,
    Binades,
    Consistency,
    Curve,
    ErrorRecord,
    Function,
    Interval,
    Map,
    Point,
    Product,
    Unmeasured,
    Worst,
)
from reports.fields import Bad, Fields, Json, shown, ulp
from reports.records import Source

MARK = "gem_impls_error"
SCHEMA = 1
KINDS = ("gem", "peer", "second_derivative")

LEAST_EXPONENT, MOST_EXPONENT = -1080, 1030
"""No dtype has numbers outside."""

COMMAND = re.compile(r"python -m benchmarks error(?: [\w=.+-]+)+")
"""What a reader may be offered to paste into a shell: one command of ours, with nothing a shell expands."""


def error_record(source: Source, top: Fields, say: Say) -> ErrorRecord:
    """The record in ``source``, of which ``top`` is the object. ``say`` is told what was left out of it.

    Raises:
        Bad: it is not a record that this report can read.
    """
    ours = top.object(MARK)
    if ours.raw("schema") != SCHEMA:
        raise Bad(f"its schema is {shown(ours.raw('schema'))}; this report reads schema {SCHEMA} of {MARK}")
    maps = {(m.function, m.dtype, m.what): m for m in each(top.objects("maps"), "maps", _map, say, "map")}
    return ErrorRecord(
        source=source,
        implementation=ours.text("implementation"),
        kind=ours.text("kind", KINDS),
        device=ours.text("device", DEVICES),
        complete=ours.flag("complete"),
        started=ours.time("started"),
        environment=environment(ours.object("environment")),
        sources=ours.optional_text("sources"),
        within_bounds=ours.optional_flag("within_bounds"),
        complaints=_texts(ours, "complaints"),
        not_measured=tuple(each(ours.objects("not_measured"), "not_measured", _unmeasured, say, "reason")),
        maps=tuple(maps.values()),
        curves=tuple(each(top.objects("curves"), "curves", _curve, say, "curve")),
        worst=tuple(each(top.objects("worst_inputs"), "worst_inputs", _worst, say, "worst input")),
        products=tuple(each(top.objects("products"), "products", _product, say, "product")),
        consistency=tuple(each(top.objects("consistency"), "consistency", _consistency, say, "comparison")),
    )


def _texts(ours: Fields, name: str) -> tuple[str, ...]:
    return tuple(Fields({"text": text}, ours.at(name)).text("text") for text in ours.objects(name))


def _unmeasured(u: Fields, _: Say) -> Unmeasured:
    return Unmeasured(u.text("what"), u.text("reason"))


def _function(f: Fields) -> Function:
    return Function(
        f.text("function"),
        f.optional_integer("n", 1),
        f.optional_number("eps", 0),
        f.optional_number("negative_slope"),
    )


def _dtype(f: Fields) -> str:
    return f.text("dtype", tuple(FORMATS))


def _map(m: Fields, _: Say) -> Map:
    inputs, right = m.integer("inputs", 1), m.object("right")
    counts = {name: m.integer(name) for name in ("correctly_rounded", "nonfinite", "special_wrong")}
    beyond = m.optional_integer("beyond")  # null for peers, of whom nothing is promised
    for name, count in {**counts, "beyond": beyond or 0}.items():
        if count > inputs:
            raise Bad(f"{m.at(name)} is {count}, of {inputs} inputs")
    binades = m.object("binades")
    positive = _binades(binades, "positive")
    if positive is None:
        raise Bad(f"{binades.at('positive')} must hold an object")
    return Map(
        function=_function(m),
        dtype=_dtype(m),
        what=m.text("what", WHATS),
        exhaustive=m.text("points", ("all", "stratified")) == "all",
        inputs=inputs,
        **counts,
        beyond=beyond,
        bound_ulp=m.optional_number("bound_ulp", 0),
        max_ulp=m.optional_ulp("max_ulp"),
        mean_ulp=m.optional_ulp("mean_ulp"),
        max_ulp_anywhere=m.optional_ulp("max_ulp_anywhere"),
        worst_anywhere=_point(m, "worst_anywhere"),
        first_nonfinite=_point(m, "first_nonfinite"),
        wrong_sign=m.optional_integer("wrong_sign"),
        not_monotone=m.optional_integer("not_monotone"),
        right_positive=_interval(right, "positive"),
        right_negative=_interval(right, "negative"),
        positive=positive,
        negative=_binades(binades, "negative"),
    )


def _point(f: Fields, name: str) -> Point | None:
    if f.raw(name) is None:
        return None
    return _point_of(f.object(name))


def _point_of(p: Fields) -> Point:
    return Point(p.exact("x"), p.exact("got"), p.exact("rounded"), p.ulp("ulp"))


def _interval(right: Fields, name: str) -> Interval | None:
    if right.raw(name) is None:
        return None
    ends = _ulps(right, name)
    if len(ends) != 2 or ends[0] is None or ends[1] is None or ends[0] >= ends[1]:
        raise Bad(f"{right.at(name)} must hold two ascending numbers >= 0")
    return ends[0], ends[1]


def _binades(binades: Fields, name: str) -> Binades | None:
    if binades.raw(name) is None:
        return None
    b = binades.object(name)
    first = b.number("first")
    step, errors = b.integer("step", 1), _ulps(b, "max_ulp")
    last = first + step * len(errors)
    if first != int(first) or not errors or not LEAST_EXPONENT <= first < last <= MOST_EXPONENT + step:
        raise Bad(f"{b.at('first')} and what follows must lie in {LEAST_EXPONENT}…{MOST_EXPONENT}")
    return Binades(int(first), step, errors)


def _ulps(f: Fields, name: str) -> tuple[float | None, ...]:
    values: list[Json] = f.objects(name)
    return tuple(None if v is None else ulp(v, f.at(name)) for v in values)


def _curve(c: Fields, _: Say) -> Curve:
    x, largest, mean = (_ulps(c, name) for name in ("x", "max_ulp", "mean_ulp"))
    starts = tuple(v for v in x if v is not None and 0 < v < math.inf)
    if not starts or not len(starts) == len(x) == len(largest) == len(mean) or sorted(starts) != list(starts):
        raise Bad(f"{c.at('x')} must ascend from above 0, with an error for each")
    if all(error is None for error in largest):
        raise Bad(f"{c.at('max_ulp')} holds no error")
    side = c.text("side", ("positive", "negative"))
    return Curve(_function(c), _dtype(c), c.text("what", WHATS), side, starts, largest, mean)


def _worst(w: Fields, _: Say) -> Worst:
    line = w.text("reproducer")
    if not COMMAND.fullmatch(line):
        raise Bad(f"{w.at('reproducer')} is not a plain command of the error laboratory: {shown(line)}")
    return Worst(_function(w), _dtype(w), w.text("what", WHATS), _point_of(w), line)


def _product(p: Fields, _: Say) -> Product:
    return Product(
        function=_function(p),
        dtype=_dtype(p),
        grad_output=p.exact("grad_output"),
        inputs=p.integer("inputs", 1),
        max_ulp=p.optional_ulp("max_ulp"),
        beyond=p.integer("beyond"),
        nonfinite=p.integer("nonfinite"),
        bound_ulp=p.optional_number("bound_ulp", 0),
    )


def _consistency(c: Fields, _: Say) -> Consistency:
    return Consistency(
        function=_function(c),
        dtype=_dtype(c),
        what=c.text("what", WHATS),
        check=c.text("check"),
        elements=c.integer("elements"),
        different=c.integer("different"),
    )
