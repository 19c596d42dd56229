"""Finds implementations: the files of ``impls/``, and other people's through entry points.

A file is picked up by existing: ``impls/<name>.py`` with an ``IMPLEMENTATION`` in it. Another package
offers one through the entry-point group ``gem_impls``, ``name = "package.module:IMPLEMENTATION"``.
Listing the names imports none of them.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import pkgutil
from typing import Any, ClassVar

from gem_impls import impls
from gem_impls.errors import Unavailable, unknown_name
from gem_impls.interface import EVERYWHERE, Array, Implementation, Op
from gem_impls.spec import Spec

ENTRY_POINT_GROUP = "gem_impls"


def implementations() -> tuple[str, ...]:
    """The names of all implementations known here, sorted; none of them is imported."""
    return tuple(sorted({*_own(), *_entry_points()}))


def get(name: str) -> Implementation:
    """The implementation of that name; one whose framework is missing says so when it is used.

    Raises:
        TypeError: ``name`` is not a string.
        ValueError: no implementation has that name; the message suggests the nearest.
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, one of {', '.join(implementations())}; got {name!r}")
    return _get(name)


@functools.cache
def _get(name: str) -> Implementation:
    own, others = _own(), _entry_points()
    if name not in own and name not in others:
        raise ValueError(unknown_name("implementation", name, implementations()))
    try:
        if name in own:
            found = importlib.import_module(f"{impls.__name__}.{name}").IMPLEMENTATION
        else:
            found = others[name].load()
    except ImportError as error:
        return _Unimportable(name, f"it could not be imported here: {error}")
    if not isinstance(found, Implementation):
        raise TypeError(f"implementation {name!r} must be an instance of Implementation; got {found!r}")
    return found


def _own() -> list[str]:
    return [m.name for m in pkgutil.iter_modules(impls.__path__) if not m.name.startswith("_")]


def _entry_points() -> dict[str, importlib.metadata.EntryPoint]:
    return {e.name: e for e in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)}


class _Unimportable(Implementation):
    """Stands for an implementation whose module cannot be imported: known, listed, never usable."""

    summary: ClassVar[str] = "cannot be imported here"
    dtypes: ClassVar[tuple[str, ...]] = ()
    devices: ClassVar[tuple[str, ...]] = ()
    arrays: ClassVar[str] = "numpy"
    saves_only_input: ClassVar[bool] = True

    def __init__(self, name: str, why: str) -> None:
        self.name = name  # type: ignore[misc]  # one class stands for several names
        self._why = why

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise Unavailable(f"implementation {self.name!r} is not available: {self._why}")

    def unavailable(self, device: str = "cpu") -> str | None:
        return self._why

    def build(self, spec: Spec) -> Op:
        return self._refuse()  # type: ignore[no-any-return]  # it raises

    def from_numpy(self, a: Any, dtype: str, device: str = "cpu") -> Array:
        return self._refuse()

    def to_numpy(self, t: Array) -> Any:
        return self._refuse()

    def domain(self, spec: Spec, dtype: str, what: str) -> tuple[float, float]:
        return EVERYWHERE

    def synchronize(self, device: str) -> None:
        self._refuse()
