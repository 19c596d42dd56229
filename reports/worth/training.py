"""What the training ablation says about the claims: evidence -> finding, one function a claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.models.activations import GRID_EPS, GRID_N, named
from benchmarks.train.entries import CNN, SMALL, TRANSFORMER, Setting
from benchmarks.train.statistics import BETTER, WORSE, Comparison, together
from gem_impls import VARIANTS, Spec
from reports.study_load import StudyStored
from reports.worth.ablation import Ablation, ablations, holding, recipe, short, tally, too_few
from reports.worth.evidence import Evidence
from reports.worth.verdicts import NEEDS_DATA, Finding, listed, settled

DEFAULTS: Final = tuple(Spec(variant) for variant in VARIANTS)
"""The family as it comes: N = 1, eps = 1 (gem) or 1e-4."""


# --- performing like ReLU -------------------------------------------------------------------------------


def like_relu(e: Evidence) -> Finding | None:
    """As good as ReLU, for each default variant, in each model."""
    said: list[str] = []
    held: list[bool] = []
    few = False
    for a in ablations(e):
        made = [c for spec in DEFAULTS if (c := a.pair(spec, "relu"))]
        if made:
            each = [f"{c.activation.partition('(')[0]} {a.difference(c)}" for c in made]
            said.append(f"{a.setting.title}: {', '.join(each)}")
            held += [*map(a.as_good, made), len(made) == len(DEFAULTS)]
            few |= too_few(made)
    if not said:
        return None
    return settled(f"Difference to ReLU, positive where better. {'; '.join(said)}.", held, few=few)


# --- orders ---------------------------------------------------------------------------------------------


def orders(ns: Sequence[int] = GRID_N, eps: float | None = None) -> Iterator[tuple[Spec, Spec]]:
    """(higher order, N = 1) of each variant, at its default eps or, where that is free, at ``eps``."""
    for variant, row in VARIANTS.items():
        given = {} if eps is None or row.eps.fixed else {"eps": eps}
        yield from ((Spec(variant, n, **given), Spec(variant, 1, **given)) for n in ns if n != 1)


def first_order_best(e: Evidence) -> Finding | None:
    """In each model that is no transformer, some higher order is worse than N = 1, and none is better."""
    said: list[str] = []
    held: list[bool] = []
    few = False
    for a in ablations(e, SMALL, CNN):
        if made := a.pairs(orders()):
            said.append(f"{a.setting.title}: {tally(made)}")
            held += [holding(made, WORSE) > 0, holding(made, BETTER) == 0]
            few |= too_few(made)
    if not said:
        return None
    words = f"N = 2 and 3 against N = 1, each variant at its default ε. {'; '.join(said)}."
    return settled(words, held, few=few)


def second_order_for_transformers(e: Evidence) -> Finding | None:
    """In each transformer, N = 2 is better than N = 1 for some variant, and worse for none."""
    said: list[str] = []
    held: list[bool] = []
    few = False
    for a in ablations(e, TRANSFORMER):
        if made := a.pairs(orders((2,))):
            each = [f"{c.activation.partition('(')[0]} {a.difference(c)}" for c in made]
            said.append(f"{a.setting.title}: {', '.join(each)}; taken together {tally(made)}")
            held += [holding(made, BETTER) > 0, holding(made, WORSE) == 0]
            few |= too_few(made)
    if not said:
        return None
    words = f"N = 2 against N = 1, default ε, positive where N = 2 is better. {'; '.join(said)}."
    return settled(words, held, few=few)


def hierarchy_sells_little(e: Evidence) -> Finding | None:
    """No higher order is better in the grid; at the default eps a gain beyond the margin is excluded."""
    said: list[str] = []
    held: list[bool] = []
    few = False
    for a in ablations(e):
        defaults = a.pairs(orders())
        if not defaults:
            continue
        grid = a.pairs(dict.fromkeys(pair for eps in (None, *GRID_EPS) for pair in orders(eps=eps)))
        most = max(defaults, key=lambda c: c.difference.high)
        said.append(
            f"{a.setting.title}: {tally(grid)}; largest gain that is not excluded at the default ε "
            + a.most(most)
        )
        held += [holding(grid, BETTER) == 0, *(c.difference.high < a.margin(c.rival) for c in defaults)]
        few |= too_few(defaults)
    if not said:
        return None
    words = f"N = 2 and 3 against N = 1 at equal ε, over the whole grid. {'; '.join(said)}."
    return settled(words, held, few=few)


# --- live neurons ---------------------------------------------------------------------------------------


def live_neurons_help(e: Evidence) -> Finding | None:
    """se-gem against e-gem at equal N and eps: better in some model, worse in none."""
    wanted = [(Spec("se-gem", n, eps), Spec("e-gem", n, eps)) for n in GRID_N for eps in GRID_EPS]
    several = [(a, a.pairs(wanted)) for a in ablations(e)]
    several = [(a, made) for a, made in several if made]
    every = together([c for _, made in several for c in made])
    if not every:
        return None
    said = "; ".join(f"{a.setting.title}: {tally(made)}" for a, made in several)
    words = f"Trained with se-gem against e-gem, at equal N and ε. {said}."
    held = (holding(every, BETTER) > 0, holding(every, WORSE) == 0)
    return settled(words, held, few=too_few(every))


# --- published results ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Published:
    """A published result on data that this suite does not carry.

    Attributes:
        recipe: the model of the ablation that repeats it.
        better: (one, other) of which the first is said to be better.
        as_good: (one, other) of which the first is said to be level or better.
        margin: what level means: worse by less than this.
        group: the kind of small model that stands beside it here.
    """

    recipe: str
    group: str
    better: tuple[tuple[Spec | str, Spec | str], ...] = ()
    as_good: tuple[tuple[Spec | str, Spec | str], ...] = ()
    margin: float | None = None


PICTURES: Final = {
    "mnist-mlp": (60_000, 10_000),
    "cifar10-resnet56": (50_000, 10_000),
    "cifar100-resnet56": (50_000, 10_000),
}
"""Recipe -> how many pictures its data set has: to train on and choose by, and to test on."""

TOKENS: Final = (100_000_000, 100_000)
"""The least text for the other recipes: to train on, and to choose by and test on. Which text results were
published for is not known; one below this, a model of 100 million numbers learns by heart."""


def other_data(s: Setting) -> str | None:
    """What tells the data of a published setting's record from the real data set; None where nothing does."""
    if pictures := PICTURES.get(s.model):
        have = s.train + s.val, s.test
        said = f"{have[0]:,} and {have[1]:,} pictures, the data set has {pictures[0]:,} and {pictures[1]:,}"
        return None if have == pictures else said
    have = s.train, s.val + s.test
    said = f"{have[0]:,} and {have[1]:,} tokens, {TOKENS[0]:,} and {TOKENS[1]:,} are the least that count"
    return None if have[0] >= TOKENS[0] and have[1] >= TOKENS[1] else said


def _of_real_data(record: StudyStored) -> bool:
    return not any(other_data(setting) for setting in record.of(Setting))


def published(row: Published) -> Callable[[Evidence], Finding]:
    """What the records say about it. Nothing but the real data set, by its size, decides."""

    def judged(e: Evidence) -> Finding:
        real = recipe(replace(e, recipes=tuple(filter(_of_real_data, e.recipes))), row.recipe)
        if real and (made := real.pairs((*row.better, *row.as_good))):
            return _on_real_data(row, real, made)
        beside = [
            f"{a.setting.title}: {words}" for a in ablations(e, row.group) if (words := _beside(row, a))
        ]
        stand_in = f" What ran instead decides nothing: {'; '.join(beside)}." if beside else ""
        ran = recipe(e, row.recipe)
        other = other_data(ran.setting) if ran else None
        wrong = f" A run on other data decides nothing: it had {other}." if other else ""
        return Finding(f"Not on this data.{wrong}{stand_in}", NEEDS_DATA)

    return judged


def _beside(row: Published, a: Ablation) -> str:
    return _each(a, [c for pair in (*row.better, *row.as_good) if (c := a.pair(*pair))])


def _each(a: Ablation, made: Sequence[Comparison]) -> str:
    return listed(
        [f"{_named(c.activation)} against {_named(c.rival)} {a.difference(c)}" for c in made], most=6
    )


def _named(activation: str) -> str:
    return short(named(activation).function)


def _on_real_data(row: Published, a: Ablation, made: Sequence[Comparison]) -> Finding:
    said = f"{a.setting.dataset}, {made[0].pairs} seeds: {_each(a, made)}."
    wanted = len(row.better) + len(row.as_good)
    better = {(str(one), str(other)) for one, other in row.better}
    held = [
        (c.holds and c.verdict == BETTER) if (c.activation, c.rival) in better else a.as_good(c, row.margin)
        for c in made
    ]
    return settled(said, [*held, len(made) == wanted], few=too_few(made))
