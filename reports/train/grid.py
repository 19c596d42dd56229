"""The figure of eps × n on the training page: each difference to a rival, tinted where there is one."""

from __future__ import annotations

import math

from matplotlib.patches import Rectangle

from benchmarks.train.effects import spec_of
from benchmarks.train.entries import ACCURACY, Setting
from benchmarks.train.statistics import BETTER, SAME, TOO_FEW, WORSE
from benchmarks.train.words import RIVAL_NAMES, signed
from gem_impls import VARIANTS
from reports.numbers import Data
from reports.svg import INK, SERIES, SOFT, Drawing, canvas, drawing, word
from reports.train.load import Trained
from reports.train.marks import finite, power


def grid(trained: Trained, rival: str) -> Drawing | None:
    """The paired difference to ``rival`` for each n and eps, a panel a variant."""
    setting, result = trained.setting, trained.result
    cells = {
        (spec.variant, spec.n, spec.eps): c
        for c in result.family(rival)
        if (spec := spec_of(c.activation)) and not VARIANTS[spec.variant].eps.fixed
    }
    variants = list(dict.fromkeys(variant for variant, _, _ in cells))
    ns, scale = sorted({n for _, n, _ in cells}), sorted({eps for _, _, eps in cells})
    if len(ns) * len(scale) < 4 or len(ns) > 6 or len(scale) > 12 or len(variants) > 4:
        return None
    largest = max((abs(c.difference.mean) for c in cells.values()), default=0.0) or 1.0
    with canvas(height=0.75 + len(variants) * (0.5 + 0.3 * len(ns))) as figure:
        panels = figure.subplots(len(variants), 1, squeeze=False)[:, 0]
        for axes, variant in zip(panels, variants, strict=True):
            for (name, n, eps), c in cells.items():
                if name == variant:
                    tint = {BETTER: SERIES[2], WORSE: SERIES[6]}.get(c.verdict)
                    strength = 0.08 + 0.27 * math.sqrt(min(1.0, abs(c.difference.mean) / largest))
                    at = scale.index(eps), ns.index(n)
                    if tint:
                        axes.add_patch(
                            Rectangle((at[0] - 0.5, at[1] - 0.5), 1, 1, color=tint, alpha=strength, lw=0)
                        )
                    text = _cell(setting, c.difference.mean)
                    strong = "bold" if c.holds else "normal"
                    shade = SOFT if c.verdict in (SAME, TOO_FEW) else INK
                    axes.text(*at, text, ha="center", va="center", fontsize=8.5, weight=strong, color=shade)
            axes.set_xlim(-0.5, len(scale) - 0.5)
            axes.set_ylim(-0.5, len(ns) - 0.5)
            axes.set_xticks(range(len(scale)), [power(e) for e in scale])
            axes.set_yticks(range(len(ns)), [f"n = {n}" for n in ns])
            axes.tick_params(length=0)
            axes.set_title(variant, loc="left", fontsize=9.5)
        panels[-1].set_xlabel("ε")
        of = "points of accuracy" if setting.metric == ACCURACY else "nats"
        return drawing(
            figure,
            id=f"grid-{rival}-{word(setting.model)}",
            title=f"{setting.title}: ε × n against {RIVAL_NAMES[rival]}",
            caption=f"Mean paired difference to {RIVAL_NAMES[rival]} in {of}, positive where better. Tinted: "
            "the interval excludes 0, green for better, red for worse; bold: it holds when all comparisons "
            "are taken together; grey: no difference.",
            alt=". ".join(
                f"{variant}, n = {n}, eps = {eps:g}: {signed(setting, c.difference.mean)}, {c.verdict}"
                for (variant, n, eps), c in cells.items()
            ),
            data=Data.of(
                ("variant", "n", "eps", "difference", "low", "high", "verdict", "holds"),
                ((*key, *finite(c.difference), c.verdict, c.holds) for key, c in cells.items()),
            ),
        )


def _cell(setting: Setting, value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−") if setting.metric == ACCURACY else signed(setting, value)
