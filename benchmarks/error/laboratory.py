"""A run over one subject: its pieces one by one, finished ones kept, and the record of them all."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import record as sweep_record
from benchmarks.error import consistency, figures, plan, record, sweep
from benchmarks.error.cache import Cache
from benchmarks.error.checkpoint import Checkpoint
from benchmarks.error.grid import Grid
from benchmarks.error.plan import Piece
from benchmarks.error.progress import Progress
from benchmarks.error.subjects import Subject, sources
from gem_impls import Spec


@dataclass(frozen=True)
class Request:
    """What is wanted of one subject.

    Attributes:
        subject: who.
        dtypes: of those it has.
        grid: which functions.
        points: inputs of a float32 map of a variant's default.
        exhaustive: all 2^32 float32 inputs.
        command: the command line, for the record.
    """

    subject: Subject
    dtypes: tuple[str, ...]
    grid: Grid
    points: int
    exhaustive: bool
    command: str

    def pieces(self) -> list[Piece]:
        """Everything to be measured."""
        return list(plan.pieces(self.subject, self.dtypes, self.grid, self.points, self.exhaustive))

    def key(self) -> tuple[object, ...]:
        """Everything that the figures depend on."""
        versions = [(name, sweep_record.version(name)) for name in ("numpy", "torch", "triton", "mpmath")]
        return (
            *(sources(self.subject), self.subject.name, self.subject.device, self.dtypes, self.grid),
            *(self.points, self.exhaustive, versions, sweep_record.cpu_name()),
            os.environ.get("TRITON_INTERPRET"),
        )


def run(request: Request, folder: Path, progress: Progress) -> dict[str, Any]:
    """Measure what has not been measured yet, and return the record.

    An interruption (an exception, or the end of the process) keeps every finished piece in ``folder``: the
    same request goes on from there. Call :func:`forget` when the record is safe.
    """
    started = sweep_record.now()
    pieces = request.pieces()
    checkpoint = Checkpoint(_runs(folder), request.key(), progress.say)
    cache = Cache(folder, progress.say)
    done = [piece for piece in pieces if piece.name in checkpoint.finished]
    if done:
        progress.say(f"{request.subject.name}: {len(done)} of {len(pieces)} pieces are done; going on")
        progress.skip(sum(piece.cost for piece in done))
    with ThreadPoolExecutor(sweep_record.cores(), "count") as threads:
        for piece in pieces:
            if piece.name in checkpoint.finished:
                continue
            progress.starts(f"{request.subject.name} {piece.label}")
            begin = time.perf_counter()
            try:
                result = _measure(request.subject, piece, cache, threads, checkpoint, progress)
            except (ValueError, TypeError, RuntimeError, ArithmeticError, MemoryError) as error:
                reason = f"{type(error).__name__}: {error}"
                result = {"not_measured": [{"what": piece.label, "reason": reason}]}
                progress.advance(piece.cost)
            checkpoint.finish(piece.name, {**result, "seconds": time.perf_counter() - begin})
    results = [checkpoint.finished[piece.name] for piece in pieces]
    return _record(request, started, pieces, results)


def forget(request: Request, folder: Path) -> None:
    """Throw the checkpoint of a request away."""
    Checkpoint(_runs(folder), request.key(), lambda _: None).remove()


def _runs(folder: Path) -> Path:
    runs = folder / "runs"
    runs.mkdir(exist_ok=True)
    return runs


def _measure(
    subject: Subject,
    piece: Piece,
    cache: Cache,
    threads: Executor,
    checkpoint: Checkpoint,
    progress: Progress,
) -> dict[str, Any]:
    job = piece.job
    if piece.kind == "consistency":
        assert isinstance(job.function, Spec), "peers are not asked for consistency"
        entries = consistency.check(subject, job.function, job.dtype, job.what)
        progress.advance(piece.cost)
        return {"consistency": entries}

    kept = checkpoint.state(piece.name)
    sides = sweep.Sides.of(kept) if kept else None
    total = 2 * len(job.magnitudes())
    if sides:
        progress.say(f"{subject.name} {piece.label}: going on after {sides.done / total:.0%} of its inputs")
        progress.skip(piece.cost * 2 * sides.done / total)

    def after_chunk(state: sweep.Sides, inputs: int) -> None:
        checkpoint.keep_state(piece.name, state.as_dict)
        progress.advance(piece.cost * inputs / total)

    sides = sweep.run(subject, job, cache, threads, sides, after_chunk)
    if piece.kind == "product":
        return {"products": [figures.product_entry(subject, job, sides)]}
    return {
        "maps": [figures.map_entry(subject, job, sides)],
        "curves": figures.curve_entries(subject, job, sides),
    }


def _record(
    request: Request, started: str, pieces: list[Piece], results: list[dict[str, Any]]
) -> dict[str, Any]:
    subject = request.subject
    seconds: dict[str, float] = {}
    for piece, result in zip(pieces, results, strict=True):
        seconds[piece.job.dtype] = seconds.get(piece.job.dtype, 0.0) + result["seconds"]
    header: dict[str, Any] = {
        "schema": record.SCHEMA,
        "implementation": subject.name,
        "kind": subject.kind,
        "device": subject.device,
        "started": started,
        "finished": sweep_record.now(),
        "complete": True,
        "command": request.command,
        "environment": sweep_record.environment(),
        "sources": sources(subject),
        "exhaustive": request.exhaustive,
        "seconds": {dtype: round(s, 2) for dtype, s in seconds.items()},
        "within_bounds": None,
        "complaints": [],
        "not_measured": [reason for result in results for reason in result.get("not_measured", [])],
    }
    found = record.assemble(header, results)
    header["complaints"] = record.complaints(subject, found)
    if subject.kind != "peer":
        header["within_bounds"] = not header["complaints"]
    return found


def worst_cases(found: dict[str, Any]) -> Iterable[tuple[str, float]]:
    """(dtype, input) of the worst inputs of a record: the listed ones, and those of the maps with a curve.

    None of a record of anything but an implementation of the family, which the sample is for.
    """
    if found["gem_impls_error"]["kind"] != "gem":
        return
    for entry in found["worst_inputs"]:
        yield entry["dtype"], float.fromhex(entry["x"])
    names = ("function", "n", "eps", "negative_slope", "dtype", "what")
    close = {tuple(curve[name] for name in names) for curve in found["curves"]}
    for entry in found["maps"]:
        if entry["worst"] and tuple(entry[name] for name in names) in close:
            yield entry["dtype"], float.fromhex(entry["worst"]["x"])
