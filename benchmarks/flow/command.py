"""``python -m benchmarks flow``: measure signals and gradients in deep networks at initialisation."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from benchmarks.flow.markdown import document
from benchmarks.flow.plan import LENGTHS, pieces
from benchmarks.flow.study import STUDY
from benchmarks.models.activations import named
from benchmarks.study import Run
from benchmarks.study.command import ACTIVATIONS, MEASURED, guarded, kept, parser, stored
from benchmarks.study.pieces import measure, one_thread, outcome

DESCRIPTION: Final = """\
Gradient norm by layer and its spread over seeds at initialisation, in plain and residual networks of 4 to
128 layers, with and without normalisation; and the depth at which the signal vanishes or explodes."""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    options = parser(STUDY, DESCRIPTION, quick="fewer activations, depths and seeds")
    options.add_argument("--only", nargs="+", metavar="NAME", help=ACTIVATIONS)
    arguments = options.parse_args(argv)
    return guarded(lambda: _show(arguments) if arguments.show else _run(arguments, argv))


def _show(arguments: argparse.Namespace) -> int:
    print(document(stored(STUDY, arguments.show)), end="")
    return MEASURED


def _run(arguments: argparse.Namespace, argv: Sequence[str]) -> int:
    name = "quick" if arguments.quick else "full"
    length = LENGTHS[name]
    chosen = tuple(map(named, arguments.only)) if arguments.only else length.activations
    settings = {"length": name, "whole": arguments.only is None, "seeds": length.seeds}
    run = Run(STUDY, settings, kept(STUDY, argv), arguments.out)
    with one_thread():
        measure(run, pieces(length, tuple(dict.fromkeys(chosen))))
    return outcome(run)
