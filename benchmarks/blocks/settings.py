"""What is raced, and who takes part: one setting is one race."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import gem_impls
from benchmarks.axes import BOTH
from benchmarks.blocks.entries import (
    COMPILED,
    EAGER,
    FORWARD,
    IDENTITY,
    INLINED,
    PASSES,
    PEER,
    TRAINING,
    WRITTEN_OUT,
)
from benchmarks.models.activations import Activation
from benchmarks.models.blocks import BLOCKS, Block
from benchmarks.performance.contestants import absent
from benchmarks.performance.settings import Setting as ElementSetting
from gem_impls import Spec
from gem_impls.choice import TRACED, chosen

PEERS: Final = ("relu", "leaky_relu", "gelu", "gelu_tanh", "silu", "mish", "softplus")
"""What every block is measured with beside the family. GPT-2's own is gelu_tanh, BERT's gelu."""

FEW_PEERS: Final = ("relu", "gelu", "gelu_tanh", "silu")
"""Those of compiled blocks in a quick run."""

DTYPES: Final = {"cpu": ("float32",), "cuda": ("float32", "bfloat16")}
"""Device -> what people train in there. float32 is as torch has it by default."""


@dataclass(frozen=True)
class Length:
    """What a run of a length holds.

    Attributes:
        most_n: orders of the family beyond it are left out.
        compiled: the variants that compiled blocks are measured with: compiling takes most of the time.
        compiled_peers: the peers, likewise.
        passes: mode -> the passes that are measured in it.
        operators: whether compiled blocks are measured with every implementation that stays an operator in
            them; else only with the one that serves unnamed calls in eager mode.
    """

    most_n: int
    compiled: tuple[str, ...]
    compiled_peers: tuple[str, ...]
    passes: dict[str, tuple[str, ...]] = field(hash=False)
    operators: bool


LENGTHS: Final = {
    "quick": Length(1, ("gem",), FEW_PEERS, {EAGER: PASSES, COMPILED: (TRAINING,)}, operators=False),
    "full": Length(2, tuple(gem_impls.VARIANTS), PEERS, {EAGER: PASSES, COMPILED: PASSES}, operators=True),
}
"""Length of a run -> what it holds; sizes are in :data:`benchmarks.models.blocks.BLOCKS`."""


@dataclass(frozen=True)
class Setting:
    """Everything about a race but who takes part; fields as in :class:`benchmarks.blocks.entries.Race`."""

    block: str
    device: str
    dtype: str
    mode: str
    passes: str
    length: str = "full"

    @property
    def row(self) -> Block:
        """The block's row."""
        return BLOCKS[self.block]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the block's input."""
        return self.row.shape(self.device, self.length)

    @property
    def training(self) -> bool:
        """Whether a step goes backward, too."""
        return self.passes == TRAINING

    @property
    def name(self) -> str:
        """Readable and unique within a run: what progress, ``done`` and failures call it."""
        return f"{self.block}, {self.passes}, {self.mode}, {self.dtype}, {self.device}"


def settings(block: str, device: str, length: str) -> Iterator[Setting]:
    """The races of one block on one device, the eager ones first."""
    for dtype in DTYPES[device]:
        for mode, passes in LENGTHS[length].passes.items():
            for one in sorted(passes, key=(TRAINING, FORWARD).index):
                yield Setting(block, device, dtype, mode, one, length)


# --- who takes part -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """One activation as one implementation computes it.

    Attributes:
        name: in the record.
        activation: which.
        implementation: what the record calls whose code it is.
        named: the implementation that the module is given; None where it is given none.
    """

    name: str
    activation: Activation
    implementation: str
    named: str | None


def candidates(setting: Setting, left_out: dict[str, str]) -> list[Candidate]:
    """Who can take part, no activation at all and the peers first.

    ``left_out`` is told which implementations cannot, and why.
    """
    compiled = setting.mode == COMPILED
    peers = LENGTHS[setting.length].compiled_peers if compiled else PEERS
    found = [Candidate(peer, Activation(peer), PEER, None) for peer in (IDENTITY, *peers)]
    if compiled:
        found.append(Candidate(f"relu by {WRITTEN_OUT}", Activation("relu"), WRITTEN_OUT, None))
    names = list(_implementations(setting, left_out))
    for activation in _family(setting):
        if compiled:
            found.append(Candidate(f"{activation.name} {INLINED}", activation, INLINED, None))
        found += [Candidate(f"{activation.name} by {i}", activation, i, i) for i in names]
    return found


def _family(setting: Setting) -> Iterator[Activation]:
    length = LENGTHS[setting.length]
    for variant in gem_impls.VARIANTS if setting.mode == EAGER else length.compiled:
        yield from (Activation(Spec(variant, n)) for n in setting.row.orders if n <= length.most_n)


def _implementations(setting: Setting, left_out: dict[str, str]) -> Iterator[str]:
    where = ElementSetting(setting.device, 10, BOTH, dtype=setting.dtype)
    usual = chosen("torch", setting.device)
    for name in gem_impls.implementations():
        if gem_impls.get(name).arrays != "torch":
            left_out[name] = "it takes NumPy arrays: it cannot be part of a torch model"
        elif why := absent(name, where):
            left_out[name] = why
        elif setting.mode == COMPILED and name == TRACED:
            left_out[name] = f"in a compiled block it is what is called {INLINED}"
        elif setting.mode == EAGER or LENGTHS[setting.length].operators or name == usual:
            yield name
