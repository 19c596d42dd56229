"""The device clock on a model of a device: events, streams and graphs with the semantics torch documents.

Work that is submitted takes time on the model's device alone; the host's time stands still, and what a graph
captured is replayed without its Python.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: there is no device clock")

from benchmarks.clocks import BatchTimer, Device  # noqa: E402  # after torch is known to be there
from benchmarks.measure import Race, Settings, sample_all  # noqa: E402

SETTINGS = Settings(sample_s=1e-3, budget_s=0.02, min_rounds=5, max_rounds=7, warm_s=0.0)


class Model:
    """A device: its time, the stream that work goes to, and the graph that captures it, if one does."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.stream = self.default = object()
        self.capturing: list[float] | None = None
        self.host_calls = 0
        self.captured_on: list[object] = []

    def kernel(self, seconds: float) -> Callable[[], None]:
        """A call that launches work of so many seconds."""

        def call() -> None:
            self.host_calls += 1
            if self.capturing is None:
                self.now_s += seconds
            else:
                self.capturing.append(seconds)

        return call


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    device = Model()

    class Event:
        def __init__(self, enable_timing: bool = False) -> None:
            assert enable_timing, "an event without timing has no time"
            self.at: float | None = None
            self.done = False

        def record(self) -> None:
            assert device.capturing is None, "an event that is timed cannot be recorded into a graph"
            self.at = device.now_s

        def synchronize(self) -> None:
            self.done = True

        def elapsed_time(self, end: Event) -> float:
            assert self.done, "the first event has not happened"
            assert end.done, "the second event has not happened"
            assert self.at is not None
            assert end.at is not None
            return float(torch.tensor((end.at - self.at) * 1e3, dtype=torch.float32))  # as CUDA reports it

    class Stream:
        def wait_stream(self, _: object) -> None:
            pass

    class Graph:
        def __init__(self) -> None:
            self.work: list[float] = []

        def replay(self) -> None:
            assert device.capturing is None
            device.now_s += sum(self.work)

    @contextlib.contextmanager
    def on(stream: object) -> Iterator[None]:
        before, device.stream = device.stream, stream
        yield
        device.stream = before

    @contextlib.contextmanager
    def capture(graph: Graph, stream: object = None) -> Iterator[None]:
        assert stream is not None, "the stream that the calls were warmed up on"
        device.captured_on.append(stream)
        device.capturing = graph.work
        yield
        device.capturing = None

    device.default = device.stream = Stream()
    for name, fake in {
        "Event": Event,
        "Stream": Stream,
        "CUDAGraph": Graph,
        "graph": capture,
        "stream": on,
        "current_stream": lambda: device.stream,
    }.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    return device


def test_it_tells_the_devices_time_and_not_the_hosts(model: Model) -> None:
    clock = Device()
    start = clock.now()
    model.kernel(0.25)()
    assert clock.now() - start == pytest.approx(0.25, rel=1e-6)


def test_short_times_stay_exact_after_long_ones(model: Model) -> None:
    clock = Device()
    model.now_s += 100_000.0  # a day of float32 milliseconds would swallow the microsecond below
    start = clock.now()
    model.now_s += 1e-6
    assert clock.now() - start == pytest.approx(1e-6, rel=1e-3)


def test_a_batch_is_captured_once_and_replayed_without_the_host(model: Model) -> None:
    calls = [model.kernel(s) for s in (1e-3, 2e-3, 4e-3)]
    run = Device().batch(calls, 7)
    before, host = model.now_s, model.host_calls
    run()
    assert model.now_s - before == pytest.approx(2 * 7e-3 + 1e-3), "round and round, seven calls"
    assert model.host_calls == host
    assert model.captured_on[0] is not model.default


def test_calls_are_warm_before_they_are_captured(model: Model) -> None:
    seen: list[bool] = []
    Device().batch([lambda: seen.append(model.capturing is not None)], 2)
    assert seen == [False, True, True]


def test_every_set_of_arrays_is_used_in_every_batch(model: Model) -> None:
    """Else a cold cache would be warm: few long calls must not leave the later sets out."""
    used = [0, 0, 0]

    def use(number: int) -> Callable[[], None]:
        launch = model.kernel(1.0)

        def call() -> None:
            used[number] += model.capturing is not None
            launch()

        return call

    race = Race(Device(), [use(i) for i in range(3)], {}, SETTINGS)
    assert race.case.calls >= 3
    assert len(set(used)) == 1


def test_a_race_on_the_device_measures_what_the_kernels_take(model: Model) -> None:
    case, other = [model.kernel(3e-6)], [model.kernel(1e-6)]
    race = Race(Device(), case, {"other": other}, SETTINGS)
    own = sample_all(race)
    assert own == pytest.approx([3e-6] * race.rounds, rel=1e-3)
    assert race.samples["other"] == pytest.approx([1e-6] * race.rounds, rel=1e-3)
    assert race.case.calls * 3e-6 >= SETTINGS.sample_s


def test_a_harness_that_reads_the_timer_itself_gets_seconds_a_call(model: Model) -> None:
    clock, timer = Device(), BatchTimer()
    run = clock.batch([model.kernel(1e-3)], 10)
    timer.use(clock, 10)
    start = timer()
    run()
    assert timer() - start == pytest.approx(1e-3, rel=1e-5)


@pytest.mark.gpu
def test_on_a_gpu_a_copy_takes_longer_the_more_it_copies() -> None:
    clock, times = Device(), []
    for numel in (2**20, 2**26):
        x = torch.ones(numel, device="cuda")
        out: Any = torch.empty_like(x)
        race = Race(clock, [lambda out=out, x=x: out.copy_(x)], {}, SETTINGS)
        times.append(min(sample_all(race)))
    assert 0 < times[0] < times[1] / 10
