"""``python -m benchmarks COMMAND``: the suite's commands, one row each."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Final

COMMANDS: Final = {
    "blocks": ("benchmarks.blocks.command", "real layers: what a step costs, and the activation's share"),
    "compare": ("benchmarks.compare.command", "whether a commit is slower, less exact or larger"),
    "dead": ("benchmarks.dead.command", "hidden units that lose their gradient in training"),
    "error": ("benchmarks.error.command", "how many bits of every result are wrong"),
    "fingerprint": ("benchmarks.fingerprint.command", "what the GPU kernels compile to; needs no GPU"),
    "flow": ("benchmarks.flow.command", "signals and gradients through depth, before training"),
    "gpu": ("benchmarks.gpu.command", "everything that needs an NVIDIA GPU, into one record"),
    "performance": ("benchmarks.performance.command", "how fast, against targets, and where the time goes"),
    "shape": ("benchmarks.shape.command", "how far from ReLU, how smooth, and how to initialise"),
    "train": ("benchmarks.train.command", "whether small models train better, over seeds"),
}
"""Name -> module with a ``main(argv) -> exit code``, and what it does."""


def main(argv: Sequence[str]) -> int:
    """Hand over to the command; 2 where there is none of that name."""
    if argv and argv[0] in COMMANDS:
        code: int = importlib.import_module(COMMANDS[argv[0]][0]).main(argv[1:])
        return code
    asked = bool(argv) and argv[0] in ("-h", "--help")
    lines = ["usage: python -m benchmarks COMMAND ...", ""]
    lines += [f"  {name:<12} {summary}" for name, (_, summary) in COMMANDS.items()]
    lines += ["", "python -m benchmarks COMMAND --help says more."]
    if argv and not asked:
        lines.insert(0, f"error: unknown command {argv[0]!r}")
    print("\n".join(lines), file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
