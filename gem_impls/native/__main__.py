"""``python -m gem_impls.native``: compile the C++ of cpp_fused now, rather than at its first use."""

from __future__ import annotations

import sys

from gem_impls import native
from gem_impls.errors import Unavailable

if __name__ == "__main__":
    try:
        native.load()
    except Unavailable as error:
        sys.exit(f"gem_impls: {error}")
