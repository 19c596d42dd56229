"""Tell asv what machine this is, and print the name it is known by: ``python -m benchmarks.asv_machine``.

asv would name it by the host, and split its series at every new kernel. What a figure depends on is the
processor, the threads, the GPU and the memory: those make the name. asv keeps it in ``~/.asv-machine.json``.

A name stands for one machine: where results of that name are stored, their ``machine.json`` says of which.
The first names had no memory in them; a machine that is stored under such a name keeps it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

RESULTS: Final = Path(__file__).resolve().parent.parent / "reports" / "data" / "asv"

FIELDS: Final = ("machine", "os", "arch", "cpu", "num_cpu", "ram", "gpu")


class Unknown(Exception):
    """A sentence for the user: why this machine cannot be described."""


def describe() -> dict[str, str]:
    """This machine in asv's fields, with ``gpu`` beside those that asv knows; the name is without memory.

    Raises:
        Unknown: the modules that look at the machine import ``gem_impls``, and the working tree's is broken.
    """
    try:
        from benchmarks import record
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise Unknown(f"the working tree's gem_impls cannot be imported ({why}); mend or stash it") from error

    here = record.environment()
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "machine": _slug(here["machine"]),
        "os": platform.system(),
        "arch": platform.machine(),
        "cpu": here["cpu"],
        "num_cpu": str(here["cores"]),
        "ram": f"{round(gigabytes)} GiB",
        "gpu": here["gpu"] or "none",
    }


def named(description: Mapping[str, str], results: Path) -> tuple[str, list[str]]:
    """The name of the machine among those with results, and what it differs in from others of like names.

    It is the name under which this very machine is stored; else the first that is free, with memory in it.
    """
    differences: list[str] = []
    first, *others = _names(description)
    for name in (first, *others):
        stored = _stored(results / name)
        if stored is None:
            if name == first:  # for machines of earlier days alone
                continue
            return name, differences
        differing = [f for f in FIELDS[1:] if stored.get(f) != description[f]]
        if not differing:
            return name, differences
        said = ", ".join(f"{f} {stored.get(f, 'unknown')}, here {description[f]}" for f in differing)
        differences.append(f"{name} is another machine ({said})")
    return others[-1], differences


def _names(description: Mapping[str, str]) -> Iterator[str]:
    """From the shortest to one that no machine of another description has."""
    base, memory = description["machine"], _slug(description["ram"])
    everything = "\n".join(description[field] for field in FIELDS)
    yield base
    yield f"{base}-{memory}"
    yield f"{base}-{memory}-{hashlib.sha256(everything.encode()).hexdigest()[:8]}"


def _stored(folder: Path) -> dict[str, Any] | None:
    """What ``machine.json`` says; nothing where it is damaged, None where there are no results."""
    try:
        found = json.loads((folder / "machine.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {} if any(folder.glob("*-*.json")) else None
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def register(results: Path) -> str:
    """Tell asv what this machine is, and return the name it is known by; other machines are said."""
    from asv.machine import MachineCollection

    description = describe()
    name, differences = named(description, results)
    for difference in differences:
        print(f"{difference}: this one is {name}, with series of its own", file=sys.stderr)
    MachineCollection.save(name, {**description, "machine": name})
    return name


def main() -> None:
    """Register this machine with asv and print its name."""
    try:
        print(register(RESULTS))
    except Unknown as error:
        sys.exit(f"asv_machine: {error}")


if __name__ == "__main__":
    main()
