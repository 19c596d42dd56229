"""What a race says, in sentences: the same on the terminal and on the page."""

from __future__ import annotations

import math

from benchmarks.blocks.entries import TRAINING, Race
from benchmarks.blocks.readings import Moved, Reading, first_of_family


def setting_of(race: Race) -> str:
    """``gpt2-mlp, training step, eager, float32, cpu, 512 × 768``."""
    shape = " × ".join(map(str, race.shape))
    return f"{race.block}, {race.passes}, {race.mode}, {race.dtype}, {race.device}, {shape}"


def percent(r: Reading) -> str:
    """``12 % (10 to 13)``: median and quartiles."""
    text, quartiles = percent_parts(r)
    return f"{text} ({quartiles})"


def percent_parts(r: Reading) -> tuple[str, str]:
    """``("12 %", "10 to 13")``: whole per cents, and one decimal where all is below ten."""
    parts = [100 * part for part in (r.median, r.q1, r.q3)]
    places = 0 if max(map(abs, parts[1:])) >= 10 else 1
    middle, low, high = (_signed(part, places) for part in parts)
    return f"{middle} %", f"{low} to {high}"


def _signed(value: float, places: int) -> str:
    """With a minus sign that is one, and none before 0."""
    return f"{round(value, places) + 0.0:.{places}f}".replace("-", "−")


def nothing(found: Moved) -> tuple[str, str]:
    """``("nothing seen", "up to 12 % could hide")``: where what a choice moves does not stand."""
    if found.hidden is None:
        return "nothing seen", "too few rounds to say what could hide"
    return "nothing seen", f"up to {_percent_up(found.hidden)} % could hide"


def _percent_up(part: float) -> str:
    """Never less than it is; one decimal below ten."""
    scale = 1 if 100 * part >= 10 else 10
    return f"{math.ceil(100 * part * scale) / scale:g}"


def moved_words(found: Moved | None) -> str:
    """``12 % (10 to 13)`` of the step; or that nothing is seen, and what could hide."""
    if found is None:
        return "not measured"
    return percent(found.part) if found.seen else "{} ({})".format(*nothing(found))


def moves(race: Race, found: Moved | None, within: Moved | None) -> str:
    """What the choice of activation moves, each in its fastest code; and what the choice of code moves."""
    if found is None:
        return "Fewer than two activations have a time here."
    said = [f"The choice of activation moves {_said(race, found)}, each in its fastest implementation."]
    if within:
        said.append(f"The choice of implementation of {first_of_family(race)} moves {_said(race, within)}.")
    return " ".join(said)


def _said(race: Race, found: Moved) -> str:
    what = "a training step" if race.passes == TRAINING else "a forward pass"
    if found.seen:
        ends = f"from {' or '.join(found.dearest)} to {' or '.join(found.cheapest)}"
        return f"{percent(found.part)} of {what}, {ends}"
    return f"nothing that is seen above the spread of {what} ({nothing(found)[1]})"
