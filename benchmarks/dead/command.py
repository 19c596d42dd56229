"""``python -m benchmarks dead``: train well and badly, and count the units that lose their gradient."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from benchmarks.dead.markdown import document
from benchmarks.dead.plan import LENGTHS, pieces
from benchmarks.dead.study import STUDY
from benchmarks.models.activations import named
from benchmarks.study import Run
from benchmarks.study.command import ACTIVATIONS, MEASURED, guarded, kept, parser, stored
from benchmarks.study.pieces import measure, one_thread, outcome

DESCRIPTION: Final = """\
Hidden units whose gradient is exactly 0 for every sample of scikit-learn's digits, while a small network is
trained: as usual, at high learning rates, and from bad initial weights and biases."""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    options = parser(STUDY, DESCRIPTION, quick="fewer activations, scenarios and seeds")
    options.add_argument("--only", nargs="+", metavar="NAME", help=ACTIVATIONS)
    arguments = options.parse_args(argv)
    return guarded(lambda: _show(arguments) if arguments.show else _run(arguments, argv))


def _show(arguments: argparse.Namespace) -> int:
    print(document(stored(STUDY, arguments.show)), end="")
    return MEASURED


def _run(arguments: argparse.Namespace, argv: Sequence[str]) -> int:
    from benchmarks.datasets import digits

    digits()  # where the data are not installed, that is said before anything is written
    name = "quick" if arguments.quick else "full"
    length = LENGTHS[name]
    chosen = tuple(map(named, arguments.only)) if arguments.only else length.activations
    settings = {"length": name, "whole": arguments.only is None, "seeds": length.seeds}
    run = Run(STUDY, settings, kept(STUDY, argv), arguments.out)
    with one_thread():
        measure(run, pieces(length, tuple(dict.fromkeys(chosen))))
    return outcome(run)
