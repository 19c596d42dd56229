"""The record of a run: one JSON file for each implementation, whole or not at all.

SCHEMA 1. Top level: ``"gem_impls_error"`` (who, where, when, verdict), ``"summary"`` (a row for each dtype
and what), ``"maps"``, ``"curves"``, ``"worst_inputs"``, ``"products"`` and ``"consistency"``. An infinite
error is the string "inf", what does not apply is null, inputs and results are hexadecimal floats. Nothing in
a record names the host or a path.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import accuracy
from benchmarks.error.cache import write_whole
from benchmarks.error.subjects import Subject
from benchmarks.error.tally import brief
from gem_impls.interface import EVERYWHERE
from gem_impls.spec import Spec

SCHEMA: Final = 1

WORST_INPUTS: Final = 3
"""Worst inputs listed for each dtype and what."""

Entry = dict[str, Any]


def assemble(header: Entry, results: Sequence[Entry]) -> Entry:
    """The record, from what the pieces of a run gave."""
    record: Entry = {"gem_impls_error": header, "summary": []}
    for part in ("maps", "curves", "worst_inputs", "products", "consistency"):
        record[part] = [entry for result in results for entry in result.get(part, [])]
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in record["maps"]:
        groups.setdefault((entry["dtype"], entry["what"]), []).append(entry)
    for (dtype, what), maps in groups.items():
        record["summary"].append(_summary(dtype, what, maps))
        record["worst_inputs"] += _worst(header, maps)
    return record


def _summary(dtype: str, what: str, maps: list[Entry]) -> Entry:
    return {
        "dtype": dtype,
        "what": what,
        "maps": len(maps),
        "inputs": sum(m["inputs"] for m in maps),
        "correctly_rounded": sum(m["correctly_rounded"] for m in maps),
        "max_ulp": brief(_largest(m["max_ulp"] for m in maps)),
        "max_ulp_anywhere": brief(_largest(m["max_ulp_anywhere"] for m in maps)),
        **{name: _total(maps, name) for name in ("beyond", "nonfinite", "wrong_sign", "not_monotone")},
        "special_wrong": _total(maps, "special_wrong"),
    }


def _largest(errors: Iterable[Any]) -> float | None:
    found = [float(error) for error in errors if error is not None]
    return max(found, default=None)


def _total(maps: list[Entry], name: str) -> int | None:
    found = [m[name] for m in maps if m[name] is not None]
    return sum(found) if found else None


def _worst(header: Entry, maps: list[Entry]) -> list[Entry]:
    """The worst judged inputs of a dtype and what, each with a line that shows it; and the worst anywhere."""
    rows = [(m, m["worst"]) for m in maps if m["worst"]]
    rows = sorted(rows, key=lambda row: -float(row[1]["ulp"]))[:WORST_INPUTS]
    anywhere = max(
        ((m, m["worst_anywhere"]) for m in maps if m["worst_anywhere"]),
        key=lambda row: float(row[1]["ulp"]),
        default=None,
    )
    if anywhere and (not rows or float(anywhere[1]["ulp"]) > float(rows[0][1]["ulp"])):
        rows.append(anywhere)
    names = ("function", "n", "eps", "negative_slope", "dtype", "what")
    return [
        {**{name: m[name] for name in names}, **point, "reproducer": reproducer(header, m, point["x"])}
        for m, point in rows
    ]


def reproducer(header: Entry, entry: Entry, x: str) -> str:
    """A line of shell that shows the result, the correctly rounded one, and the error in ulp."""
    options = [f"--implementation {header['implementation']}", f"--device {header['device']}"]
    options += [f"--dtype {entry['dtype']}", f"--what {entry['what']}"]
    if entry["n"] is None:
        options.append(f"--peer {entry['function']}")
    else:
        spec = Spec(entry["function"], entry["n"], entry["eps"], entry["negative_slope"])
        options += [f"--variant {spec.variant}", f"--n {spec.n}", f"--eps {spec.eps!r}"]
        options.append(f"--negative-slope={spec.negative_slope!r}")
    return f"python -m benchmarks error {' '.join(options)} --at={x}"


def complaints(subject: Subject, record: Entry) -> list[str]:
    """Why results are not within bounds: a sentence a fault, none where they are."""
    found = []
    for entry in record["maps"]:
        found += [f"{_title(entry)}: {reason}" for reason in _faults(subject, entry)]
    for entry in record["products"]:
        if entry["beyond"] or (entry["nonfinite"] and entry["bound_ulp"] is not None):
            found.append(
                f"{_title(entry)} times grad_output = {entry['grad_output']}: {entry['beyond']} beyond "
                f"{entry['bound_ulp']} ulp, {entry['nonfinite']} NaN or infinite"
            )
    for entry in record["consistency"]:
        if entry["different"]:
            found.append(
                f"{_title(entry)}: {entry['different']} of {entry['elements']} elements change their bits "
                f"({entry['check']}), the first at x = {entry['first']}"
            )
    return found


FAULTS: Final = {
    "nonfinite": "finite inputs give NaN or infinity",
    "wrong_sign": "results have the wrong sign",
    "special_wrong": "of the inputs NaN and +-infinity give a wrong result",
    "above_identity": "results are above x",
    "above_steepest": "gradients are above the largest there is",
    "not_monotone": "results fall where the function rises",
}
"""Faults beside errors beyond the bound. Monotone is asked of 16-bit results only; and a limited domain
excuses all of them but for errors beyond the bound inside it."""


def _faults(subject: Subject, entry: Entry) -> list[str]:
    reasons = []
    if entry["beyond"]:
        at = entry["first_beyond"]
        reasons.append(
            f"{entry['beyond']} of {entry['judged']} results are beyond {entry['bound_ulp']:g} ulp, "
            f"the first at x = {at['x']} ({at['ulp']} ulp); at most {entry['max_ulp']} ulp"
        )
    if entry["bound_ulp"] is None or not _answers_everywhere(subject, entry):
        return reasons
    for name, meaning in FAULTS.items():
        if name == "not_monotone" and entry["dtype"] in accuracy.FINE:
            continue
        if entry[name]:
            reasons.append(f"{entry[name]} {meaning}, the first at x = {entry['first_' + name]['x']}")
    return reasons


def _answers_everywhere(subject: Subject, entry: Entry) -> bool:
    spec = Spec(entry["function"], entry["n"], entry["eps"], entry["negative_slope"])
    return subject.domain(spec, entry["dtype"], entry["what"]) == EVERYWHERE


def _title(entry: Entry) -> str:
    spec = entry["function"]
    if entry["n"] is not None:
        spec = Spec(entry["function"], entry["n"], entry["eps"], entry["negative_slope"])
    return f"{spec} {entry['dtype']} {entry.get('what', 'gradient')}"


def write(path: Path, record: Entry) -> None:
    """Write a record with a line for each entry."""
    lines = []
    for key, value in record.items():
        if isinstance(value, list):
            text = "[\n" + ",\n".join(_dumps(item) for item in value) + "\n]" if value else "[]"
        else:
            text = _dumps(value)
        lines.append(f"{json.dumps(key)}: {text}")
    write_whole(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def _dumps(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
