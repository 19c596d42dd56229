"""What asv follows across commits, a module a suite; the only folder that asv looks into.

asv imports every module of its folder beside the package of each commit, however old. What else there is in
``benchmarks`` may need what that package lacks, so it is not here, and modules here import it where they use
it, or are sure of it.
"""

import importlib.util
import sys
from pathlib import Path

_init = Path(__file__).resolve().parents[1] / "__init__.py"


def _is_ours() -> bool:
    """Whether ``benchmarks`` is the folder around this one; asv has a module of that name, too."""
    if "benchmarks" in sys.modules:
        origin = getattr(sys.modules["benchmarks"], "__file__", None)
    else:
        found = importlib.util.find_spec("benchmarks")
        origin = found.origin if found else None
    return origin is not None and Path(origin).resolve() == _init


# asv makes this folder importable as a package of its own, and nothing around it.
if not _is_ours():
    _spec = importlib.util.spec_from_file_location(
        "benchmarks", _init, submodule_search_locations=[str(_init.parent)]
    )
    assert _spec is not None
    assert _spec.loader is not None
    sys.modules["benchmarks"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["benchmarks"])
