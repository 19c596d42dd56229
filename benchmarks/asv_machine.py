"""Tell asv what machine this is, and print the name it is known by: ``python -m benchmarks.asv_machine``.

asv would name it by the host, and split its series at every new kernel. What a figure depends on is the
processor, the threads and the GPU: those make the name. asv keeps it in ``~/.asv-machine.json``.
"""

from __future__ import annotations

import os
import platform
import re

FIELDS = ("machine", "os", "arch", "cpu", "num_cpu", "ram", "gpu")


def describe() -> dict[str, str]:
    """This machine in asv's fields, with ``gpu`` beside those that asv knows."""
    from benchmarks import record

    here = record.environment()
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "machine": re.sub(r"[^a-z0-9]+", "-", here["machine"].lower()).strip("-"),
        "os": platform.system(),
        "arch": platform.machine(),
        "cpu": here["cpu"],
        "num_cpu": str(here["cores"]),
        "ram": f"{round(gigabytes)} GiB",
        "gpu": here["gpu"] or "none",
    }


def register() -> str:
    """Tell asv what this machine is, and return the name it is known by."""
    from asv.machine import MachineCollection

    description = describe()
    MachineCollection.save(description["machine"], description)
    return description["machine"]


def main() -> None:
    """Register this machine with asv and print its name."""
    print(register())


if __name__ == "__main__":
    main()
