"""``python -m benchmarks blocks``: measure real layers with every activation in them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from benchmarks.blocks.markdown import document
from benchmarks.blocks.study import STUDY
from benchmarks.study import Run
from benchmarks.study.command import MEASURED, Refused, devices, guarded, kept, parser, stored
from benchmarks.study.pieces import measure, outcome
from gem_impls.errors import unknown_name

DESCRIPTION: Final = """\
Forward and training step of GPT-2's MLP, a gated MLP, a basic block of ResNet-56 and a layer of BERT-small:
each variant and implementation of the family, ReLU, GELU, SiLU and no activation at all, in the same rounds;
time, peak memory, bytes saved for backward, and the activation's share. Close what else runs."""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    arguments = _parser().parse_args(argv)
    work = _list if arguments.list else _show if arguments.show else _run
    return guarded(lambda: work(arguments, argv))


def _parser() -> argparse.ArgumentParser:
    made = parser(STUDY, DESCRIPTION, quick="smaller batches, fewer rounds, N = 1 only")
    made.add_argument("--list", action="store_true", help="list the blocks, measure nothing")
    made.add_argument("--only", nargs="+", metavar="NAME", help="blocks, by the names that --list shows")
    made.add_argument("--device", choices=("cpu", "cuda"), help="default: both, where there is a card")
    return made


def _list(_: argparse.Namespace, __: Sequence[str]) -> int:
    from benchmarks.models.blocks import BLOCKS

    for name, row in BLOCKS.items():
        print(f"{name:<18}{row.summary} (sizes: {row.source})")
    return MEASURED


def _show(arguments: argparse.Namespace, _: Sequence[str]) -> int:
    print(document(stored(STUDY, arguments.show)), end="")
    return MEASURED


def _run(arguments: argparse.Namespace, argv: Sequence[str]) -> int:
    where = devices(arguments.device)
    from benchmarks.blocks.plan import pieces
    from benchmarks.models.blocks import BLOCKS

    for name in arguments.only or ():
        if name not in BLOCKS:
            raise Refused(unknown_name("block", name, BLOCKS))
    blocks = [name for name in BLOCKS if not arguments.only or name in arguments.only]
    length = "quick" if arguments.quick else "full"
    settings = {"length": length, "whole": arguments.only is None, "devices": where}
    run = Run(STUDY, settings, kept(STUDY, argv), arguments.out)
    measure(run, pieces(blocks, where, length), timed=True)
    print(document(stored(STUDY, run.target)), end="")
    return outcome(run)
