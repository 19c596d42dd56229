"""The tables of the training page: each a function of one model's result, or of all of them."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.train.entries import Setting
from benchmarks.train.results import RIVALS, Result
from benchmarks.train.statistics import BETTER, SAME, TOO_FEW, WORSE, Comparison, Summary, oriented
from benchmarks.train.words import (
    RIVAL_NAMES,
    difference_words,
    number,
    rate_words,
    unit,
    verdict_words,
)
from reports.cells import Cell, Column, Row, Table
from reports.svg import word
from reports.train.load import Trained

TONES = {BETTER: "told faster", WORSE: "told slower", SAME: "same", TOO_FEW: "missing"}
"""Verdict -> colour, as the style sheet knows it; a tone of "faster" alone would be read out as such."""


def plain(activation: str) -> str:
    """``e-gem(n=1, eps=0.0001)`` as readers meet it elsewhere on the site, short enough for a row."""
    return activation.replace("negative_slope", "slope")


# --- all models -----------------------------------------------------------------------------------------


def overview(models: Sequence[Trained]) -> Table:
    """A row a model: the peers' scores, and how many of the family differ from them."""
    columns = []
    for rival in RIVALS:
        name = RIVAL_NAMES[rival]
        columns += [Column("score", name), *(Column(text, name) for text in (BETTER, SAME, WORSE))]
    rows = []
    for trained in models:
        cells = [cell for rival in RIVALS for cell in _tally(trained.result, rival)]
        rows.append(Row((trained.setting.title,), tuple(cells), link=f"#{anchor(trained)}"))
    caption = (
        "Members of the family against GELU and ReLU: how many are better, level, worse; which hold among all"
    )
    return Table("training-overview", caption, ("Model",), tuple(columns), tuple(rows))


def anchor(trained: Trained) -> str:
    """Where the page has the model's own table."""
    return f"scores-{word(trained.setting.model)}"


def _tally(result: Result, rival: str) -> tuple[Cell, ...]:
    own, found = result.summary(rival), result.family(rival)
    if own is None:
        return (Cell("not trained", tone="missing"), *(Cell("") for _ in range(3)))
    counts = []
    for verdict in (BETTER, SAME, WORSE):
        same = [c for c in found if c.verdict == verdict]
        holding = sum(c.holds for c in same)
        counts.append(Cell(str(len(same)), _held(holding) if same and verdict != SAME else ""))
    return (_score(result.setting, own), *counts)


def _held(count: int) -> str:
    return f"{count or 'none'} hold{'s' if count == 1 else ''}"


def _score(setting: Setting, summary: Summary) -> Cell:
    interval = summary.interval
    low, high = number(setting, interval.low), number(setting, interval.high)
    return Cell(
        f"{number(setting, interval.mean)} {unit(setting)}",
        f"{low}–{high}",
        value=oriented(setting, interval.mean),
    )


# --- one model ------------------------------------------------------------------------------------------


def scores(trained: Trained) -> Table:
    """Everybody, best mean first: score, chosen rate, and what of it differs from GELU and ReLU."""
    result = trained.result
    columns = [Column("mean and 95 % interval"), Column("learning rate")]
    for rival in RIVALS:
        name = f"against {RIVAL_NAMES[rival]}"
        columns += [Column("difference", name), Column("better in", name)]
    columns += [Column("diverged")]
    rows = []
    for summary in result.summaries:
        cells = [_score(result.setting, summary), Cell(*_rate(summary))]
        for rival in RIVALS:
            cells += _against(result, summary.activation, rival)
        cells.append(_diverged(summary))
        rows.append(Row((plain(summary.activation),), tuple(cells)))
    seeds = len(result.setting.seeds)
    caption = f"{result.setting.title}: {result.setting.metric} on the test part, {seeds} seeds"
    return Table(anchor(trained), caption, ("Activation",), tuple(columns), tuple(rows))


def _rate(summary: Summary) -> tuple[str, str]:
    text, _, remark = rate_words(summary).partition(" (")
    return text, remark.removesuffix(")")


def _against(result: Result, activation: str, rival: str) -> tuple[Cell, Cell]:
    if activation == rival:
        return Cell("itself", tone="missing"), Cell("")
    c = result.comparison(activation, rival)
    if c is None:
        return Cell("not trained", tone="missing"), Cell("")
    return difference_cell(result.setting, c), probability_cell(c)


def difference_cell(setting: Setting, c: Comparison) -> Cell:
    """The verdict with the paired difference and its interval."""
    return Cell(
        verdict_words(c),
        difference_words(setting, c),
        TONES[c.verdict],
        value=c.difference.mean,
    )


def probability_cell(c: Comparison) -> Cell:
    """In which share of the seeds it was better, with its interval."""
    p = c.probability
    return Cell(
        f"{100 * p.mean:.0f} % of {c.pairs} seeds", f"{100 * p.low:.0f}–{100 * p.high:.0f}", value=p.mean
    )


def _diverged(summary: Summary) -> Cell:
    if not summary.as_guess:
        return Cell("none", value=0)
    worse = summary.as_guess - summary.diverged
    small = f"and {worse} ended worse than a guess" if worse else ""
    return Cell(f"{summary.diverged} of {len(summary.scores)}", small, value=summary.diverged)


def changes(trained: Trained) -> Table | None:
    """What n, eps and the negative slope do, each averaged over all pairs that differ in it alone."""
    if not trained.effects:
        return None
    rows = [
        Row(
            (effect.change,),
            (
                difference_cell(trained.setting, effect.found),
                probability_cell(effect.found),
                Cell(str(effect.pairs)),
            ),
        )
        for effect in trained.effects
    ]
    caption = f"{trained.setting.title}: one parameter changed, all else equal"
    columns = (Column("difference"), Column("better in"), Column("pairs averaged"))
    return Table(
        f"changes-{word(trained.setting.model)}", caption, ("Change",), columns, tuple(rows), wordy=True
    )


def search(trained: Trained) -> Table:
    """Mean validation loss of everybody at every rate, and how many seeds chose it."""
    setting = trained.setting
    rows = []
    for summary in trained.result.summaries:
        own = [t for t in trained.trainings if t.activation == summary.activation]
        chosen = dict(summary.chosen())
        cells = []
        for rate in setting.rates:
            found = [t.val_loss for t in own if t.rate == rate]
            finished = [loss for loss in found if loss is not None]
            lost = f"{len(found) - len(finished)} diverged" if len(finished) < len(found) else ""
            by = f"chosen by {chosen[rate]}" if rate in chosen else ""
            text = f"{sum(finished) / len(finished):.3g}" if finished else "–"
            cells.append(Cell(text, "; ".join(filter(None, (lost, by)))))
        rows.append(Row((plain(summary.activation),), tuple(cells)))
    caption = f"{setting.title}: mean loss on the validation part, nats, by learning rate"
    columns = tuple(Column(f"{rate:g}", "Learning rate") for rate in setting.rates)
    return Table(f"search-{word(setting.model)}", caption, ("Activation",), columns, tuple(rows))


def failures(trained: Trained) -> Table | None:
    """What could not be trained, and why."""
    rows = [
        Row(
            (plain(f.activation),),
            (Cell(f"rate {f.rate:g}, seed {f.seed}"), Cell(f.reason, tone="text")),
        )
        for f in trained.failures
    ]
    columns = (Column("training"), Column("why there is no score", text=True))
    name = f"failures-{word(trained.setting.model)}"
    caption = f"{trained.setting.title}: could not be trained"
    return Table(name, caption, ("Activation",), columns, tuple(rows), wordy=True) if rows else None
