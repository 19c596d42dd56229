"""The C++ behind cpp_fused: compiled once for this torch and this processor, then loaded in a millisecond.

The compiled file is kept in torch's own folder for such things (``TORCH_EXTENSIONS_DIR``, by default
``torch_extensions`` in the user's cache folder), under a name that says all it was made from: the source, the
versions of torch and Python, the compiler and its flags. Compiling takes half a minute, once.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from gem_impls.errors import Unavailable

SOURCE = Path(__file__).parent / "fused.cpp"
NAME = "gem_impls_native"

VECTORS: dict[str, tuple[str, ...]] = {
    "AVX512": ("-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma", "-mf16c"),
    "AVX2": ("-mavx2", "-mfma", "-mf16c"),
}
"""What torch calls the vectors of an x86 processor -> the flags to use them. Others need no flag."""


def why_not() -> str | None:
    """Why the C++ cannot be had here, compiled before or now; or None."""
    if _library().exists():
        return None
    if sys.platform == "win32":
        return "cpp_fused is compiled with the flags of GCC and Clang, which Windows' compiler does not know"
    if importlib.util.find_spec("ninja") is None and shutil.which("ninja") is None:
        return "cpp_fused is compiled with ninja at its first use: pip install ninja"
    if shutil.which(_compiler()) is None:
        return f"cpp_fused needs a C++ compiler, and there is no {_compiler()!r}: install one, or set CXX"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return "cpp_fused needs Python's headers to be compiled: install python3-dev or its like"
    return None


@functools.cache
def load() -> Any:
    """The compiled module, compiled first where it was not yet.

    Raises:
        Unavailable: it cannot be compiled here; the message ends with the compiler's own.
    """
    library = _library()
    if not library.exists():
        if (why := why_not()) is not None:
            raise Unavailable(why)
        _compile(library)
    loader = importlib.machinery.ExtensionFileLoader(NAME, str(library))
    spec = importlib.util.spec_from_file_location(NAME, library, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def _compile(library: Path) -> None:
    from filelock import FileLock  # torch requires it
    from torch.utils import cpp_extension

    library.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(library.with_suffix(".lock")):
        if library.exists():  # another process was first
            return
        print("gem_impls: compiling cpp_fused, once, in about half a minute", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=library.parent) as scratch, _ninja_on_path():
            try:
                cpp_extension.load(
                    NAME,
                    [str(SOURCE)],
                    extra_cflags=list(_flags()),
                    extra_ldflags=list(_threads()),
                    build_directory=scratch,
                    is_python_module=False,
                )
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                raise Unavailable(f"cpp_fused could not be compiled: {error}") from error
            # Whole or not at all: what is at that place is taken for finished.
            made = Path(scratch) / f"{NAME}{cpp_extension.LIB_EXT}"
            partial = library.with_suffix(".partial")
            shutil.copy2(made, partial)
            partial.replace(library)


@functools.cache
def _library() -> Path:
    """Where the compiled module is, or will be."""
    made_from = (
        SOURCE.read_bytes(),
        torch.__version__,
        torch.version.git_version,
        sys.implementation.cache_tag,
        shutil.which(_compiler()),
        _flags(),
    )
    digest = hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]
    return _folder() / f"{NAME}_{digest}" / f"{NAME}.so"


def _folder() -> Path:
    if given := os.environ.get("TORCH_EXTENSIONS_DIR"):
        return Path(given)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "torch_extensions"


def _compiler() -> str:
    return os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")


def _flags() -> tuple[str, ...]:
    capability = torch.backends.cpu.get_cpu_capability()
    vectors = VECTORS.get(capability, ())
    return "-O3", f"-DCPU_CAPABILITY={capability}", f"-DCPU_CAPABILITY_{capability}", *vectors, *_threads()


def _threads() -> tuple[str, ...]:
    # Apple's compiler has no OpenMP: one thread there.
    return ("-fopenmp",) if sys.platform == "linux" else ()


@contextlib.contextmanager
def _ninja_on_path() -> Iterator[None]:
    """Ninja as pip installs it is not on the PATH of an environment that was not activated."""
    before = os.environ.get("PATH", "")
    if shutil.which("ninja") is None:
        import ninja

        os.environ["PATH"] = os.pathsep.join([ninja.BIN_DIR, before])
    try:
        yield
    finally:
        os.environ["PATH"] = before
