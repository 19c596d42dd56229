"""``python -m benchmarks shape``: the shape of every function of the family, found and in closed form."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.shape import plan
from benchmarks.shape.markdown import document
from benchmarks.shape.needs import mpmath
from benchmarks.shape.study import STUDY
from benchmarks.study import Run
from benchmarks.study.command import ACTIVATIONS, MEASURED, guarded, kept, parser, stored
from benchmarks.study.pieces import measure, outcome

DESCRIPTION = """\
How far each function is from ReLU, how smooth at 0, how steep and curved, and which gain initialisation
needs: found numerically from the definition, in high precision, and held to the closed forms. Deterministic,
without torch; half a minute, a few seconds with --quick."""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    return guarded(lambda: _work(argv))


def _work(argv: Sequence[str]) -> int:
    options = parser(STUDY, DESCRIPTION, quick="n up to 3, fewer values of eps")
    options.add_argument("--only", nargs="+", metavar="NAME", help=ACTIVATIONS)
    given = options.parse_args(argv)
    if given.show:
        print(document(stored(STUDY, given.show)), end="")
        return MEASURED
    mpmath()  # say so now where it is missing
    wanted = plan.chosen(given.only) if given.only else plan.functions(quick=given.quick)
    settings = {"length": "quick" if given.quick else "full", "whole": not given.only}
    run = Run(STUDY, settings, kept(STUDY, argv), given.out)
    measure(run, plan.pieces(wanted, quick=given.quick))
    return outcome(run)
