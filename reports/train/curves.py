"""The figure of losses over the steps on the training page."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from benchmarks.models.activations import PEERS
from reports.figures import label_ends
from reports.numbers import Data
from reports.svg import PEER, SERIES, Drawing, canvas, drawing, word
from reports.train.load import Trained
from reports.train.marks import label

FEW: Final = 10.0
"""A loss that spans less than this shows no two powers of ten: its axis is labelled between them."""

LINES: Final = ("relu", "gelu", "gem(n=1)", "e-gem(n=1, eps=0.0001)", "e-gem(n=2, eps=0.0001)")
"""Whose training loss is drawn: two peers and the family as it comes."""


def curves(trained: Trained) -> Drawing | None:
    """Training loss over the steps: median and range over the seeds, at the chosen rate."""
    lines = {}
    for activation in LINES:
        summary = trained.result.summary(activation)
        rates = summary.rates if summary else {}
        own = [
            t for t in trained.trainings
            if t.activation == activation and rates.get(t.seed) == t.rate and t.curve
        ]  # fmt: skip
        whole = [t for t in own if t.diverged_at is None and t.curve_steps == own[0].curve_steps]
        if whole:
            lines[activation] = (whole[0].curve_steps, np.array([t.curve for t in whole]))
    if not lines:
        return None
    rows: list[tuple[str, int, float, float, float]] = []
    everything = np.concatenate([values.ravel() for _, values in lines.values()])
    span = float(everything.max() / max(everything.min(), 1e-30))
    with canvas(height=3.2) as figure:
        axes = figure.add_subplot()
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=6))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda y, _: f"{y:g}" if span < FEW else ""))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        ends = []
        for index, (activation, (steps, values)) in enumerate(lines.items()):
            peer = activation in PEERS
            colour = PEER if peer else SERIES[index]
            middle = np.median(values, axis=0)
            dashes = ("-", (0, (4, 2)))[index % 2] if peer else "-"
            axes.fill_between(steps, values.min(0), values.max(0), color=colour, alpha=0.15, linewidth=0)
            axes.plot(steps, middle, color=colour, linestyle=dashes, linewidth=1.4)
            ends.append((float(steps[-1]), float(middle[-1]), label(activation), colour))
            rows += [
                (activation, int(step), float(m), float(low), float(high))
                for step, m, low, high in zip(steps, middle, values.min(0), values.max(0), strict=True)
            ]
        axes.grid(axis="y")
        axes.set_xlabel("step")
        axes.set_ylabel("training loss, nats")
        label_ends(axes, ends)
        said = "; ".join(f"{name} {y:.3g}" for _, y, name, _ in ends)
        return drawing(
            figure,
            id=f"curves-{word(trained.setting.model)}",
            title=f"{trained.setting.title}: training loss",
            caption="At the learning rate that each seed chose: median over the seeds; bands reach from the "
            "lowest to the highest. Trainings that diverged are not drawn.",
            alt=f"Line chart over the steps. At the last step: {said}.",
            data=Data.of(("activation", "step", "median", "lowest", "highest"), rows),
        )
