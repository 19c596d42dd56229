"""``python -m benchmarks train``: train the same models with every activation, and say what differs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.engine import NoCluster, cluster
from benchmarks.models.activations import Activation, everything, named
from benchmarks.record import cores
from benchmarks.study import Run, read
from benchmarks.study.command import MEASURED, Refused, guarded, kept, parser, stored
from benchmarks.study.pieces import outcome
from benchmarks.train import data, estimate, stages, trial
from benchmarks.train.markdown import document
from benchmarks.train.plan import Grid
from benchmarks.train.recipes import LENGTHS, PUBLISHED
from benchmarks.train.study import STUDY
from benchmarks.train.task import HE, OWN
from gem_impls.errors import unknown_name

QUICK_BUDGET: Final = "10m"

LEFT_OUT: Final = ("--out", "--data", "--address", "--workers", "--budget")
LEFT_OUT_FLAGS: Final = ("--over-budget",)
"""Options that a record does not keep: they change where and when, not what."""

EPILOG: Final = """\
exit code: 0 done, 1 a training could not be done (a worker lost again and again, no memory; one whose loss
is NaN or infinite counts as diverged and is no error), 2 bad use or interrupted (the same command goes on
where it stopped)

examples:
  python -m benchmarks train --quick
  python -m benchmarks train --quick --model gpt --activation gelu 'e-gem(n=2, eps=0.01)' --seeds 10
  python -m benchmarks train --address tcp://scheduler:8786
  python -m benchmarks train --recipe cifar10-resnet56 --data ~/cifar-10-batches-bin --device cuda \\
      --activation gelu se-gem --budget 2d"""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    arguments = _parser().parse_args(argv)
    work = _list if arguments.list else _show if arguments.show else _run
    return guarded(lambda: work(arguments, argv), NoCluster)


def _parser() -> argparse.ArgumentParser:
    made = parser(
        STUDY,
        "Train the same small models with every activation, over seeds, after the same search for a learning "
        "rate.",
        quick="small models and few steps: ten minutes on two cores",
        epilog=EPILOG,
    )
    add = made.add_argument
    add("--list", action="store_true", help="list models, recipes and activations; train nothing")
    add("--model", nargs="+", metavar="NAME", help="only these models")
    add("--recipe", choices=sorted(PUBLISHED), help="a published setting instead; needs --data")
    add("--data", type=Path, metavar="DIR", help="the folder of a recipe's data")
    add("--activation", nargs="+", metavar="NAME", help="only these, like gelu or 'e-gem(n=2, eps=0.01)'")
    add("--seeds", type=_count, metavar="K", help="final trainings of each; default: 5 quick, 10 full")
    add("--steps", type=_count, metavar="K", help="stop each training after K steps, to try things out")
    add("--init", choices=(HE, OWN), default=HE, help="gain of an MLP or ResNet: sqrt(2), or own")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    add(
        "--workers",
        type=_whole_number,
        metavar="N",
        help="processes; default: one a core or card; 0: this one",
    )
    add("--address", metavar="tcp://HOST:PORT", help="the scheduler of a cluster, instead of own processes")
    add("--budget", metavar="T", help=f"longest time, like 10m or 2h; default: {QUICK_BUDGET} with --quick")
    add("--over-budget", action="store_true", help="begin although it will take longer")
    return made


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10_000_000:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1 is needed; got {text!r}")
    return int(text)


def _whole_number(text: str) -> int:
    return 0 if text == "0" else _count(text)


# --- what is asked for ----------------------------------------------------------------------------------


def grid_of(arguments: argparse.Namespace) -> Grid:
    """The grid that the options describe.

    Raises:
        Refused: they contradict one another, or name what there is not.
        ValueError: an activation cannot be.
    """
    length = "quick" if arguments.quick else "full"
    if arguments.recipe and (arguments.model or arguments.quick):
        raise Refused(
            "--recipe goes without --quick and --model: a recipe is a model and a length of its own"
        )
    if arguments.data and not arguments.recipe:
        raise Refused(f"--data is for --recipe, one of {', '.join(PUBLISHED)}")
    if arguments.address:
        cluster.check_address(arguments.address)
        if arguments.workers is not None:
            raise Refused(
                "--workers is for processes of this machine, and --address for those of a cluster; got both"
            )
    known = LENGTHS[length]
    for model in arguments.model or ():
        if model not in known:
            hint = " without --quick" if model in LENGTHS["full"] else ""
            raise Refused(
                unknown_name("model", model, known) + (f" ({model} is there{hint})" if hint else "")
            )
    models = (arguments.recipe,) if arguments.recipe else tuple(dict.fromkeys(arguments.model or known))
    chosen = tuple(dict.fromkeys(map(named, arguments.activation))) if arguments.activation else everything()
    return Grid(
        length=length,
        models=models,
        activations=chosen,
        device=_device(arguments.device),
        seeds=arguments.seeds,
        init=arguments.init,
        steps=arguments.steps,
        folder=str(arguments.data.expanduser().absolute()) if arguments.data else None,
    )


def _device(asked: str) -> str:
    from benchmarks.peers import TORCH

    if why := TORCH.unavailable(asked):
        raise Refused(f"--device {asked}: {why}")
    return asked


def _settings(grid: Grid) -> dict[str, Any]:
    """What of the grid a record's header holds; with the hashes of the data, since a path is not kept."""
    return {
        "length": grid.length,
        "devices": [grid.device],
        "models": list(grid.models),
        "activations": [activation.name for activation in grid.activations],
        "whole": _whole(grid),
        "seeds": grid.seeds,
        "steps": grid.steps,
        "init": grid.init,
        "data": {
            name: data.digest(name, grid.folder)
            for name in dict.fromkeys(grid.recipe(model).dataset for model in grid.models)
        },
    }


def _whole(grid: Grid) -> bool:
    """Whether nobody, no model and no seed was left out, no training cut short, no gain changed."""
    everybody = set(map(_name, everything())) <= set(map(_name, grid.activations))
    seeds = all(len(grid.seeds_of(model)) >= grid.recipe(model).seeds for model in grid.models)
    usual = grid.steps is None and grid.init == HE
    return everybody and seeds and usual and grid.models == tuple(LENGTHS[grid.length])


def _name(activation: Activation) -> str:
    return activation.name


# --- running --------------------------------------------------------------------------------------------


def _run(arguments: argparse.Namespace, argv: Sequence[str]) -> int:
    grid = grid_of(arguments)
    limit = estimate.budget(arguments.budget or QUICK_BUDGET) if arguments.budget or arguments.quick else None
    grid.check_data()
    results = stages.store()
    _within(grid, stages.left(grid, results), limit, arguments)
    command = kept(STUDY, argv, valued=LEFT_OUT, flags=LEFT_OUT_FLAGS)
    record = Run(STUDY, _settings(grid), command, arguments.out)
    stages.go_through(grid, record, results, workers=arguments.workers, address=arguments.address)
    _show_document(record)
    if not record.entries["failures"]:
        stages.clear(grid, results)
    return outcome(record)


def _within(grid: Grid, left: Mapping[str, int], limit: float | None, arguments: argparse.Namespace) -> None:
    """Say how long it will take.

    Raises:
        Refused: longer than the budget allows, unless that is wanted.
    """
    workers = _workers(grid, arguments) if sum(left.values()) else 1
    bound = None if arguments.over_budget else limit
    expected = estimate.estimate(
        grid,
        left,
        workers,
        lambda trials: trial.together(
            trials, grid.device, stages.say, workers=arguments.workers, address=arguments.address
        ),
        limit=bound,
        said=lambda text: print(text, flush=True),
    )
    print(f"estimate: {expected.words()}", flush=True)
    if limit is None or expected.seconds <= limit or arguments.over_budget:
        return
    raise Refused(
        f"that is over the budget of {estimate.duration(limit)}; nothing was begun. What fits: "
        f"{expected.fits(limit)}. --over-budget begins all the same"
    )


def _workers(grid: Grid, arguments: argparse.Namespace) -> int:
    """How many will train at once; those of a cluster are asked, before there is a record."""
    if arguments.address:
        found = cluster.fit_workers(arguments.address, grid.device, stages.say)
        print(f"workers of the cluster: {found}", flush=True)
        return found
    if arguments.workers is not None:
        return int(arguments.workers)
    if not cluster.installed():  # everything will run in this process
        return 1
    return cards() if grid.device == "cuda" else cores()


def cards() -> int:
    """CUDA devices that torch sees."""
    import torch

    return torch.cuda.device_count()


# --- telling --------------------------------------------------------------------------------------------


def _show_document(record: Run) -> None:
    try:
        print(document(read(STUDY, json.dumps(record.document()).encode())))
    except ImportError as error:  # intervals need a library that training does not
        print(f"no summary here: {error}", file=sys.stderr)


def _show(arguments: argparse.Namespace, _: Sequence[str]) -> int:
    print(document(stored(STUDY, arguments.show)), end="")
    return MEASURED


def _list(_: argparse.Namespace, __: Sequence[str]) -> int:
    rows = [("name", "what")]
    for length, table in (("quick", LENGTHS["quick"]), ("full", LENGTHS["full"]), ("recipe", PUBLISHED)):
        rows += [
            (name, f"{length}: {row.title}; {row.steps:,} steps of {row.batch}")
            for name, row in table.items()
        ]
    width = max(len(name) for name, _ in rows)
    print("\n".join(f"{name:<{width}}  {what}" for name, what in rows))
    print("\nactivations: " + ", ".join(map(_name, everything())))
    return MEASURED
