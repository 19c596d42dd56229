"""Which engine should spread a grid of trainings: Dask, Ray, or Slurm through submitit?

    python -m venv one && one/bin/pip install distributed && one/bin/python -m docs.trials.engines
    python -m venv two && two/bin/pip install ray         && two/bin/python -m docs.trials.engines
    python -m venv three && three/bin/pip install submitit && three/bin/python -m docs.trials.engines

One environment each, so that what is installed is what the engine needs; an engine that is not installed is
named and left out. Every engine gets two workers on this machine, with defaults but for the dashboard, which
is off. Linux only: sockets and processes are read from /proc. docs/engines.md has what came out.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import importlib
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

WORKERS = 2
MODULES = {"dask": "distributed", "ray": "ray", "submitit": "submitit"}


# --- tasks ----------------------------------------------------------------------------------------------


def nothing(x: int) -> int:
    return x


def noted(folder: str, name: str, seconds: float) -> str:
    """Leaves a line where it begins."""
    with (Path(folder) / name).open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(seconds)
    return name


def deadly(folder: str, name: str, seconds: float) -> str:
    noted(folder, name, seconds)
    os.kill(os.getpid(), signal.SIGKILL)
    return name


# --- engines --------------------------------------------------------------------------------------------


class Engine(Protocol):
    """Two workers, from its making until it is stopped."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any: ...
    def result(self, handle: Any, timeout: float) -> Any: ...
    def stop(self) -> None: ...


class Dask:
    """Nannies that watch worker processes, and a scheduler in this one."""

    def __init__(self) -> None:
        distributed = importlib.import_module("distributed")
        self._cluster = distributed.LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, silence_logs=50
        )
        self._client = distributed.Client(self._cluster)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._client.submit(function, *arguments, pure=False)

    def result(self, handle: Any, timeout: float) -> Any:
        return handle.result(timeout=timeout)

    def stop(self) -> None:
        self._client.close()
        self._cluster.close()


class Ray:
    """A head node of its own processes."""

    def __init__(self) -> None:
        os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"  # silences a notice about CUDA_VISIBLE_DEVICES
        self._ray = importlib.import_module("ray")
        self._ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._ray.remote(function).remote(*arguments)

    def result(self, handle: Any, timeout: float) -> Any:
        return self._ray.get(handle, timeout=timeout)

    def stop(self) -> None:
        self._ray.shutdown()


class Submitit:
    """A process for each task; on a cluster, a job of Slurm's."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._executor = importlib.import_module("submitit").LocalExecutor(folder=self._folder.name)
        self._executor.update_parameters(timeout_min=5)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._executor.submit(function, *arguments)

    def result(self, handle: Any, timeout: float) -> Any:  # its jobs have a limit of their own
        return handle.result()

    def stop(self) -> None:
        self._folder.cleanup()


ENGINES: dict[str, Callable[[], Engine]] = {"dask": Dask, "ray": Ray, "submitit": Submitit}


# --- what is on this machine ----------------------------------------------------------------------------


def installed() -> tuple[int, float]:
    """Packages in this environment but pip and setuptools, and their MB without compiled Python."""
    found = [
        d for d in metadata.distributions() if d.metadata["Name"] not in ("pip", "setuptools", "gem-impls")
    ]
    files = {Path(str(d.locate_file(file))) for d in found for file in d.files or ()}
    return len(found), sum(f.stat().st_size for f in files if f.suffix != ".pyc" and f.is_file()) / 1e6


def processes() -> set[int]:
    return {
        int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _state(path) not in "ZX"
    }


def _state(path: Path) -> str:
    try:
        return (path / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def descendants(of: int) -> set[int]:
    """Processes below ``of``, and those of other parents that it started: they have its mark."""
    found = set()
    for pid in processes() - {of}:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if f"ENGINE_TRIAL={of}\0".encode() in environment:
            found.add(pid)
    return found


def resident(pids: set[int]) -> float:
    """MB that the processes hold, shared pages counted in proportion."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1e3


def listening(pids: set[int]) -> tuple[int, int]:
    """Listening TCP sockets of the processes, and how many of them are open to other machines."""
    inodes = set()
    for pid in pids:
        try:
            links = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        inodes |= {link[8:-1] for link in links if link.startswith("socket:[")}
    everyone = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                everyone.append(not fields[1].startswith(("0100007F:", "00000000000000000000000001000000:")))
    return len(everyone), sum(everyone)


# --- trials ---------------------------------------------------------------------------------------------


def begins(make: Callable[[], Engine]) -> Iterator[tuple[str, str]]:
    start = time.perf_counter()
    engine = make()
    engine.result(engine.submit(nothing, 1), 60)
    yield "start to first result", f"{time.perf_counter() - start:.2f} s"
    mine = descendants(os.getpid())
    count, foreign = listening(mine | {os.getpid()})
    yield "processes started, their memory", f"{len(mine)}, {resident(mine):.0f} MB"
    yield "listening sockets, of these open to the network", f"{count}, {foreign}"
    number = 10 if make is Submitit else 400
    start = time.perf_counter()
    handles = [engine.submit(nothing, x) for x in range(number)]
    assert [engine.result(handle, 120) for handle in handles] == list(range(number))
    yield f"a task that does nothing, of {number}", f"{1e3 * (time.perf_counter() - start) / number:.2f} ms"
    start = time.perf_counter()
    engine.stop()
    yield "stop", f"{time.perf_counter() - start:.2f} s"


def kills(make: Callable[[], Engine]) -> Iterator[tuple[str, str]]:
    engine = make()
    with tempfile.TemporaryDirectory() as folder:
        handle = engine.submit(noted, folder, "victim", 2.0)
        others = [engine.submit(noted, folder, f"other-{x}", 0.1) for x in range(6)]
        os.kill(int(_began(Path(folder) / "victim")), signal.SIGKILL)
        yield "its worker SIGKILLed once", f"the task {_outcome(engine, handle)}; {_starts(folder, 'victim')}"
        yield "six tasks beside it", _all(engine, others)
        handle = engine.submit(deadly, folder, "killer", 0.2)
        others = [engine.submit(noted, folder, f"innocent-{x}", 0.3) for x in range(3)]
        yield (
            "a task that always kills its worker",
            f"{_outcome(engine, handle)}; {_starts(folder, 'killer')}",
        )
        yield "three tasks beside that", _all(engine, others)
    engine.stop()


def _began(path: Path) -> str:
    end = time.monotonic() + 60
    while not path.exists() or not path.read_text().endswith("\n"):
        assert time.monotonic() < end, "it never began"
        time.sleep(0.01)
    return path.read_text().split()[0]


def _starts(folder: str, name: str) -> str:
    return f"begun {len((Path(folder) / name).read_text().split())} times"


def _outcome(engine: Engine, handle: Any) -> str:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        try:
            pool.submit(engine.result, handle, 90).result()
        except BaseException as error:
            return f"fails ({type(error).__name__})"
    return "ends well"


def _all(engine: Engine, handles: list[Any]) -> str:
    outcomes = [_outcome(engine, handle) for handle in handles]
    return f"{outcomes.count('ends well')} of {len(handles)} end well"


def abandons(name: str) -> Iterator[tuple[str, str]]:
    """What is left of a program that is SIGKILLed in the middle."""
    command = [sys.executable, "-m", "docs.trials.engines", "--wait", name]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert program.stdout is not None
    pid = int(program.stdout.readline())
    before = descendants(pid)
    program.kill()
    program.wait()
    for seconds in (2, 20):
        time.sleep(seconds)
        left = descendants(pid)
        yield f"processes left {seconds} s after the program is SIGKILLed", f"{len(left)} of {len(before)}"
    for one in left:
        os.kill(one, signal.SIGKILL)


def wait(name: str) -> None:
    """A program with six tasks of a minute."""
    engine = ENGINES[name]()
    with tempfile.TemporaryDirectory() as folder:
        handles = [engine.submit(noted, folder, str(x), 60) for x in range(6)]
        _began(Path(folder) / "0")
        print(os.getpid(), flush=True)
        engine.result(handles[0], 90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--wait", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--part", choices=("begins", "kills"), help=argparse.SUPPRESS)
    parser.add_argument("--engine", choices=ENGINES, help="only this one")
    arguments = parser.parse_args()
    os.environ["ENGINE_TRIAL"] = str(os.getpid())
    if arguments.wait or arguments.part:
        # the mark has to be in this process's environment from the start for /proc to show it in children
        if arguments.wait:
            wait(arguments.wait)
            return
        part = begins if arguments.part == "begins" else kills
        for what, found in part(ENGINES[arguments.engine]):
            print(f"  {what:<52} {found}", flush=True)
        return
    for name in [arguments.engine] if arguments.engine else ENGINES:
        if importlib.util.find_spec(MODULES[name]) is None:
            print(f"{name}: not installed here")
            continue
        count, size = installed()
        print(f"{name} {metadata.version(MODULES[name])}, Python {sys.version.split()[0]}")
        print(f"  {'packages, MB on disk':<52} {count}, {size:.0f} MB", flush=True)
        for part in ("begins", "kills"):
            subprocess.run(
                [sys.executable, "-m", "docs.trials.engines", "--engine", name, "--part", part],
                check=False,
                timeout=300,
            )
        for what, found in abandons(name):
            print(f"  {what:<52} {found}", flush=True)


if __name__ == "__main__":
    main()
