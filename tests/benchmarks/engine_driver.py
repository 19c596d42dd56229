"""A program that spreads tasks, for tests that kill and interrupt it.

python -m tests.benchmarks.engine_driver STORE NOTES COUNT SLEEP
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks.engine import Store, key_of, spread
from tests.benchmarks.engine_tasks import digest


def tasks(count: int, sleep: float, notes: Path | None = None) -> dict[str, dict[str, Any]]:
    """By key, which depends on ``x`` alone."""
    rest = {"sleep": sleep, **({"notes": str(notes)} if notes else {})}
    return {key_of({"x": x}): {"name": f"task-{x}", "x": x, **rest} for x in range(count)}


def main(store: str, notes: str, count: str, sleep: str) -> int:
    planned = tasks(int(count), float(sleep), Path(notes))
    try:
        outcome = spread(
            digest, planned, Store(Path(store)), workers=2, said=lambda text: print(text, flush=True)
        )
    except KeyboardInterrupt:
        return 2
    print(f"ran {outcome.ran} lost {outcome.lost}")
    return 0 if set(outcome.done) == set(planned) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
