"""gem_impls.registry: what is found, what is not loaded for it, and what cannot be."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import gem_impls
from gem_impls import Spec, Unavailable, get, implementations, impls, registry

OUR_OWN = ("cpp_fused", "numpy_cpu", "torch_compile", "torch_jiterator", "torch_naive", "triton_fused")

WORKING = """
    from gem_impls.impls.numpy_cpu import NumpyCpu

    class Another(NumpyCpu):
        name = "{name}"

    IMPLEMENTATION = Another()
"""


def test_the_files_of_impls_are_the_implementations() -> None:
    assert set(OUR_OWN) <= set(implementations())
    assert list(implementations()) == sorted(implementations())


@pytest.mark.parametrize("name", OUR_OWN)
def test_get(name: str) -> None:
    assert get(name).name == name
    assert get(name) is get(name)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ValueError, match="unknown implementation 'triton_fuse'") as caught:
        get("triton_fuse")
    assert "Did you mean 'triton_fused'?" in str(caught.value)
    assert all(name in str(caught.value) for name in OUR_OWN)


@pytest.mark.parametrize("name", [None, 3, ["numpy_cpu"], np.str_])
def test_a_name_is_a_string(name: object) -> None:
    with pytest.raises(TypeError, match="name must be a string, one of"):
        get(name)  # type: ignore[arg-type]  # the point of the test


# --- files of our own -------------------------------------------------------------------------------------

AddFile = Callable[[str, str], None]


@pytest.fixture
def add_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AddFile]:
    """Puts a file into gem_impls/impls, as far as Python can tell."""
    added = []

    def add(name: str, source: str) -> None:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        importlib.invalidate_caches()
        added.append(name)

    monkeypatch.setattr(impls, "__path__", [*impls.__path__, str(tmp_path)])
    yield add
    for name in added:
        sys.modules.pop(f"{impls.__name__}.{name}", None)
    registry._get.cache_clear()


def test_a_new_file_is_picked_up(add_file: AddFile) -> None:
    add_file("fifth", WORKING.format(name="fifth"))
    assert "fifth" in implementations()
    x = np.linspace(-2, 2, 9)
    np.testing.assert_array_equal(gem_impls.gem(x, implementation="fifth"), gem_impls.gem(x))


def test_a_new_file_is_picked_up_by_the_conformance_suite(add_file: AddFile) -> None:
    from tests.conformance.cases import subjects

    add_file("fifth", WORKING.format(name="fifth"))
    names = {p.values[0].impl.name for p in subjects() if p.values[0] is not None}
    assert "fifth" in names


def test_private_files_are_no_implementations(add_file: AddFile) -> None:
    add_file("_helpers", "")
    assert "_helpers" not in implementations()


def test_a_file_that_cannot_be_imported_is_listed_and_says_why(add_file: AddFile) -> None:
    add_file("sixth", "import a_framework_that_is_not_here")
    assert "sixth" in implementations()
    impl = get("sixth")
    assert impl.name == "sixth"
    assert impl.devices == impl.dtypes == ()
    for device in ("cpu", "cuda"):
        assert "a_framework_that_is_not_here" in (impl.unavailable(device) or "")
    for use in (
        lambda: impl.build(Spec("gem")),
        lambda: impl.from_numpy(np.ones(1), "float32"),
        lambda: impl.to_numpy(np.ones(1)),
        lambda: impl.synchronize("cpu"),
        lambda: gem_impls.gem(np.ones(1), implementation="sixth"),
    ):
        with pytest.raises(Unavailable, match=r"'sixth' is not available.*a_framework_that_is_not_here"):
            use()


def test_a_file_with_a_bug_is_not_mistaken_for_a_missing_framework(add_file: AddFile) -> None:
    add_file("seventh", "1 / 0")
    assert "seventh" in implementations()
    with pytest.raises(ZeroDivisionError):
        get("seventh")


@pytest.mark.parametrize(
    "source", ["IMPLEMENTATION = 3", "from gem_impls.impls.numpy_cpu import NumpyCpu as IMPLEMENTATION"]
)
def test_something_else_by_that_name(add_file: AddFile, source: str) -> None:
    add_file("eighth", source)
    with pytest.raises(TypeError, match="implementation 'eighth' must be an instance of Implementation"):
        get("eighth")


def test_a_file_without_one(add_file: AddFile) -> None:
    add_file("ninth", "")
    with pytest.raises((AttributeError, TypeError), match="IMPLEMENTATION"):
        get("ninth")


# --- other people's -----------------------------------------------------------------------------------------


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a distribution with one module and entry points of the group, on sys.path."""
    modules = []

    def add(module: str, source: str, entry_points: dict[str, str]) -> None:
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        information = tmp_path / f"{module}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in entry_points.items()]
        (information / "entry_points.txt").write_text("\n".join(["[gem_impls]", *lines, ""]))
        importlib.invalidate_caches()
        modules.append(module)

    monkeypatch.syspath_prepend(str(tmp_path))
    yield add
    for module in modules:
        sys.modules.pop(module, None)
    registry._get.cache_clear()


def test_an_entry_point_is_picked_up(install: Callable[..., None]) -> None:
    install("other_people", WORKING.format(name="theirs"), {"theirs": "other_people:IMPLEMENTATION"})
    assert "theirs" in implementations()
    assert "other_people" not in sys.modules, "listing imports nothing"
    x = np.linspace(-2, 2, 9)
    np.testing.assert_array_equal(gem_impls.gem(x, implementation="theirs"), gem_impls.gem(x))


def test_an_entry_point_that_cannot_be_imported_is_listed_and_says_why(install: Callable[..., None]) -> None:
    install("other_people", "import not_here_either", {"theirs": "other_people:IMPLEMENTATION"})
    assert "theirs" in implementations()
    assert "not_here_either" in (get("theirs").unavailable() or "")


def test_an_entry_point_that_is_something_else(install: Callable[..., None]) -> None:
    install("other_people", "THING = 'implementation'", {"theirs": "other_people:THING"})
    with pytest.raises(TypeError, match="implementation 'theirs' must be an instance"):
        get("theirs")


def test_an_entry_point_does_not_replace_one_of_ours(install: Callable[..., None]) -> None:
    install("other_people", WORKING.format(name="numpy_cpu"), {"numpy_cpu": "other_people:IMPLEMENTATION"})
    registry._get.cache_clear()
    assert implementations().count("numpy_cpu") == 1
    assert type(get("numpy_cpu")).__module__ == "gem_impls.impls.numpy_cpu"


# --- fresh interpreters -------------------------------------------------------------------------------------


def run_python(source: str) -> str:
    """Runs ``source`` in a fresh interpreter and returns what it prints."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(source)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parent.parent
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_listing_loads_no_framework() -> None:
    printed = run_python(
        """
        import sys, gem_impls
        print(gem_impls.implementations())
        print(gem_impls.get("numpy_cpu").unavailable())
        loaded = {"torch", "triton"} & sys.modules.keys()
        assert not loaded, loaded
        """
    )
    assert printed.splitlines() == [str(implementations()), "None"]


WITHOUT = """
    import sys

    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {missing!r}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

    sys.meta_path.insert(0, Missing())
    import numpy as np
    import gem_impls
"""


def test_without_torch() -> None:
    """NumPy works; the others are listed, say that torch is missing, and refuse."""
    printed = run_python(
        WITHOUT.format(missing=("torch", "triton"))
        + """
    assert gem_impls.gem(np.array([0.5])).tolist() == [0.1]
    for name in gem_impls.implementations():
        print(name, gem_impls.get(name).unavailable())
    for name in ("torch_naive", "torch_compile", "triton_fused"):
        try:
            gem_impls.get(name).build(gem_impls.Spec("gem"))
        except gem_impls.Unavailable as refusal:
            assert "torch" in str(refusal)
        else:
            raise AssertionError(name)
    try:
        gem_impls.nn
    except ImportError as error:
        assert "pip install" in str(error), error
    else:
        raise AssertionError("gem_impls.nn without torch")
        """
    )
    said = dict(line.split(" ", 1) for line in printed.splitlines())
    assert said.keys() == set(implementations())
    assert said["numpy_cpu"] == "None"
    assert all("torch" in said[name] for name in OUR_OWN if name != "numpy_cpu")


def test_without_triton() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    printed = run_python(
        WITHOUT.format(missing=("triton",))
        + """
    print(gem_impls.get("triton_fused").unavailable())
    import torch
    y = gem_impls.gem(torch.tensor([0.5], dtype=torch.float64), implementation="torch_naive")
    print(y.item())
        """
    )
    why, y = printed.splitlines()
    assert "triton" in why
    assert float(y) == 0.1
