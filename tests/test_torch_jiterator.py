"""The source that torch_jiterator hands to torch: its arithmetic, compiled for the CPU, against the oracle.

No GPU is needed. Where NVIDIA's runtime compiler is installed, the same source must also pass that.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gem_impls import Spec, get, oracle

torch = pytest.importorskip("torch", reason="torch is not installed: there is no such implementation")

from gem_impls.carried import ARITHMETIC  # noqa: E402  # after torch is known to be there
from gem_impls.impls import torch_jiterator as jiterator  # noqa: E402
from gem_impls.interface import EVERYWHERE  # noqa: E402
from tests.conformance.bounds import SINGLE_ROUNDING, fused  # noqa: E402
from tests.conformance.cases import SPECS  # noqa: E402
from tests.conformance.checks import check_results  # noqa: E402
from tests.conformance.expected import at_points  # noqa: E402
from tests.conformance.inputs import SIXTEEN_BIT  # noqa: E402

DTYPES = ("float16", "bfloat16", "float32", "float64")
SOURCES = {"value": jiterator.value_source, "gradient": jiterator.gradient_source}
COMPILER = shutil.which("g++") or shutil.which("clang++")

# --- the arithmetic, on the CPU -------------------------------------------------------------------------

CALLS = {
    "value": "for (long i = 0; i < n; i++) out[i] = {space}::gem_value<{T}>(x[i]);",
    "gradient": "for (long i = 0; i < n; i++) out[i] = {space}::gem_gradient<{T}>(x[i], g[i]);",
}
LOOP = 'extern "C" void {space}(const {T}* x, const {T}* g, {T}* out, long n) {{ (void)g; {call} }}'
C_TYPES = {"float32": "float", "float64": "double"}

CONTRACTION = {
    "as written": ("-ffp-contract=off",),
    # What a GPU's compiler does by default: a product and a sum become one instruction, rounded once.
    "fused": ("-ffp-contract=fast", "-mfma"),
}


def name_of(spec: Spec, dtype: str, what: str) -> str:
    return f"f{SPECS.index(spec)}_{dtype}_{what}"


def program() -> str:
    """Every function of the conformance suite, each in a namespace of its own, with a loop around it."""
    parts = ["#include <math.h>"]
    for spec in SPECS:
        for dtype in DTYPES:
            for what, source in SOURCES.items():
                space, arithmetic = name_of(spec, dtype, what), C_TYPES[ARITHMETIC[dtype]]
                call = CALLS[what].format(space=f"in_{space}", T=arithmetic)
                parts.append(f"namespace in_{space} {{ {source(spec, dtype)} }}")
                parts.append(LOOP.format(space=space, T=arithmetic, call=call))
    return "\n".join(parts)


def has_fma() -> bool:
    try:
        return " fma " in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ctypes.CDLL]:
    """How products and sums are contracted -> the program, compiled so."""
    if COMPILER is None:
        pytest.skip("no C++ compiler: g++ or clang++ is needed to run the source on the CPU")
    folder = tmp_path_factory.mktemp("jiterator")
    (folder / "all.cpp").write_text(program(), encoding="utf-8")
    command = [COMPILER, "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    found = {}
    for name, options in CONTRACTION.items():
        if "-mfma" in options and not has_fma():
            continue
        target = folder / f"{'_'.join(name.split())}.so"
        line = [*command, *options, str(folder / "all.cpp"), "-o", str(target)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:4000]
        found[name] = ctypes.CDLL(str(target))
    return found


def compute(library: ctypes.CDLL, spec: Spec, dtype: str, what: str, x: Any) -> Any:
    """What a tensor of ``dtype`` would hold: computed in its arithmetic, rounded once by torch."""
    wide = np.ascontiguousarray(x, dtype=ARITHMETIC[dtype]).ravel()
    out, ones = np.full_like(wide, np.nan), np.ones_like(wide)
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (wide, ones, out)]
    getattr(library, name_of(spec, dtype, what))(*pointers, ctypes.c_long(wide.size))
    if dtype in SIXTEEN_BIT:
        out = torch.from_numpy(out).to(getattr(torch, dtype)).float().numpy()
    return out.reshape(np.shape(x))


@pytest.mark.parametrize("what", SOURCES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_source_computes_the_function(
    libraries: dict[str, ctypes.CDLL], spec: Spec, dtype: str, what: str
) -> None:
    expected = at_points(spec, dtype, what)
    bound = SINGLE_ROUNDING if dtype in SIXTEEN_BIT else fused(spec.n, what)
    for library in libraries.values():
        check_results(compute(library, spec, dtype, what, expected.x), expected, bound)


@pytest.mark.parametrize("what", SOURCES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_and_infinities(libraries: dict[str, ctypes.CDLL], dtype: str, what: str) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0])
    for spec in SPECS:
        slope = spec.negative_slope
        below = -np.inf * slope if slope else 0.0
        at = {"value": [np.nan, np.inf, below, 0.0, 0.0], "gradient": [np.nan, 1.0, slope, 0.0, 0.0]}[what]
        rounded = get("torch_naive").from_numpy(np.array(at), dtype).float().numpy()
        for library in libraries.values():
            got = compute(library, spec, dtype, what, x).astype(np.float32)
            np.testing.assert_array_equal(got, rounded)


def test_a_gradient_keeps_its_bits_where_the_gate_is_subnormal(libraries: dict[str, ctypes.CDLL]) -> None:
    """From 2^8 smallest normals down to the smallest: no bit more is lost than the format itself loses."""
    spec = Spec("se-gem", 1, 2.0**-100, 0.25)
    x = np.float32(2.0) ** np.linspace(-122, -108, 4001, dtype=np.float32)
    expected = oracle.reference(spec, x, "gradient")
    subnormal = (np.abs(expected) < 2.0**-118) & (np.abs(expected) > 2.0**-140)
    assert subnormal.sum() > 1000
    spacing = np.maximum(np.spacing(np.abs(expected).astype(np.float32)).astype(np.float64), 2.0**-149)
    for library in libraries.values():
        apart = np.abs(compute(library, spec, "float32", "gradient", x) - expected)
        assert (apart / spacing)[subnormal].max() <= fused(1, "gradient")


# --- the text -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", SOURCES)
@pytest.mark.parametrize("n", [1, 2, 3, 6, 40])
def test_torch_finds_the_function_in_the_source(what: str, n: int) -> None:
    from torch.cuda.jiterator import _CodeParser

    found = _CodeParser(SOURCES[what](Spec("se-gem", n), "float32"))
    assert found.function_name == f"gem_{what}"
    assert found.return_type == "T"


@pytest.mark.parametrize("what", SOURCES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_number_is_cast_to_the_type_of_the_arithmetic(dtype: str, what: str) -> None:
    """A literal left as it is would be a double, and pull a float32 kernel into float64."""
    for spec in SPECS:
        text = SOURCES[what](spec, dtype)
        bare = re.sub(r"T\([-+.\de]+\)", "", text)
        assert re.findall(r"(?<![\w])\d", bare) == []
        for number in map(float, re.findall(r"T\(([-+.\de]+)\)", text)):
            assert ARITHMETIC[dtype] == "float64" or float(np.float32(number)) == number


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_what_the_arithmetic_cannot_carry_is_refused(source: Callable[[Spec, str], str]) -> None:
    with pytest.raises(ValueError, match="eps must lie between"):
        source(Spec("e-gem", 1, 1e-300), "float16")
    with pytest.raises(ValueError, match="n must be at most"):
        source(Spec("gem", 200), "float32")


# --- the implementation, where there is no GPU ------------------------------------------------------------


def test_it_says_why_it_cannot_serve() -> None:
    impl = get("torch_jiterator")
    assert impl.unavailable("cpu") == "torch_jiterator serves cuda; got device 'cpu'"
    if not torch.cuda.is_available():
        assert "torch sees no CUDA device here" in str(impl.unavailable("cuda"))
    assert impl.domain(Spec("gem"), "float32", "value") == EVERYWHERE


def test_shapes_pass_through_its_operators_without_a_gpu() -> None:
    """Under fake tensors nothing is computed, so this much of a CUDA operator can be tried anywhere."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    op = get("torch_jiterator").build(Spec("gem"))
    with FakeTensorMode():
        x = torch.empty(2, 3, 4, 5, device="cuda", dtype=torch.bfloat16).to(memory_format=torch.channels_last)
        for result in (op.forward(x), op.backward(x, x)):
            assert (result.shape, result.dtype, result.device.type) == (x.shape, x.dtype, "cuda")
            assert result.stride() == x.stride()


def test_a_tensor_elsewhere_is_refused_before_any_work() -> None:
    op = get("torch_jiterator").build(Spec("gem"))
    x = torch.ones(3)
    for call in (lambda: op.forward(x), lambda: op.backward(x, x), lambda: op.forward(x, x)):
        with pytest.raises(ValueError, match="x must be on a CUDA device for torch_jiterator; it is on cpu"):
            call()


@pytest.mark.gpu
def test_kernels_are_kept_by_spec_and_dtype() -> None:
    x = torch.randn(8, device="cuda")
    get("torch_jiterator").build(Spec("gem")).forward(x)
    before = jiterator._kernel.cache_info().misses
    get("torch_jiterator").build(Spec("gem")).forward(x)
    assert jiterator._kernel.cache_info().misses == before


# --- NVIDIA's compiler ------------------------------------------------------------------------------------


def nvrtc() -> ctypes.CDLL | None:
    """The system's, or the one that CUDA builds of torch bring along."""
    packages = Path(torch.__file__).parent.parent
    for major in (13, 12):
        for path in (f"libnvrtc.so.{major}", *packages.glob(f"nvidia/*/lib/libnvrtc.so.{major}")):
            with contextlib.suppress(OSError):
                return ctypes.CDLL(str(path))
    return None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("what", SOURCES)
def test_the_runtime_compiler_takes_the_source(what: str, dtype: str) -> None:
    library = nvrtc()
    if library is None:
        pytest.skip("NVIDIA's runtime compiler (libnvrtc) is not installed")
    arithmetic = C_TYPES[ARITHMETIC[dtype]]
    arguments = "x[i]" if what == "value" else "x[i], x[i]"
    kernel = (
        f'extern "C" __global__ void k(const {arithmetic}* x, {arithmetic}* y) '
        f"{{ int i = threadIdx.x; y[i] = gem_{what}<{arithmetic}>({arguments}); }}"
    )
    ptx = compiled_by_nvrtc(library, SOURCES[what](Spec("se-gem", 3), dtype) + kernel)
    assert "ld.global" in ptx
    assert (".f64" in ptx) == (dtype == "float64")


def compiled_by_nvrtc(library: ctypes.CDLL, source: str) -> str:
    """PTX, with the options that torch's jiterator passes."""
    handle, size = ctypes.c_void_p(), ctypes.c_size_t()
    made = library.nvrtcCreateProgram(ctypes.byref(handle), source.encode(), b"k.cu", 0, None, None)
    assert made == 0
    options = [b"--std=c++17", b"-default-device", b"--gpu-architecture=compute_90"]
    failed = library.nvrtcCompileProgram(handle, len(options), (ctypes.c_char_p * 3)(*options))
    library.nvrtcGetProgramLogSize(handle, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(handle, log)
    assert failed == 0, log.value.decode()
    library.nvrtcGetPTXSize(handle, ctypes.byref(size))
    ptx = ctypes.create_string_buffer(size.value)
    library.nvrtcGetPTX(handle, ptx)
    return ptx.value.decode()
