"""The layers that activations stand in: of GPT-2, of gated transformers, of ResNet-56, of BERT-small.

Every block takes the activation as a factory, ``Callable[[], nn.Module]``, called once for each place it
stands at. No block drops anything out: dropout costs the same whatever the activation is, and its random
numbers would make two runs differ. Parameters are initialised as torch does by default; a network that wants
others sets them. Networks are built from these in :mod:`benchmarks.models.networks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

Factory = Callable[[], nn.Module]
"""Makes an activation: a module that is elementwise."""


class MLPBlock(nn.Module):
    """``W2 act(W1 x + b1) + b2``: the feed-forward part of a transformer's layer.

    Takes and gives (..., width). The default sizes are those of GPT-2 124M.
    """

    def __init__(self, activation: Factory, width: int = 768, hidden: int = 3072) -> None:
        super().__init__()
        self.up = nn.Linear(width, hidden)
        self.activation = activation()
        self.down = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.activation(self.up(x)))  # type: ignore[no-any-return]


def gated_hidden(hidden: int) -> int:
    """Hidden units at which a gated block has as many weights as an ungated one with ``hidden`` of them.

    Three matrices instead of two: two thirds, 2048 for 3072.
    """
    return round(hidden * 2 / 3)


class GatedBlock(nn.Module):
    """``W2 (act(W1 x) * V x)``, without biases: a gated linear unit with ``act`` as its gate.

    Takes and gives (..., width). Source: Shazeer 2020, arXiv 2002.05202, whose SwiGLU has SiLU here.

    Args:
        activation: makes the gate's activation.
        width: of what goes in and out.
        hidden: units; by default :func:`gated_hidden` of 4 × width, so that there are as many weights as in
            :class:`MLPBlock`.
    """

    def __init__(self, activation: Factory, width: int = 768, hidden: int | None = None) -> None:
        super().__init__()
        hidden = gated_hidden(4 * width) if hidden is None else hidden
        self.gate = nn.Linear(width, hidden, bias=False)
        self.activation = activation()
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.activation(self.gate(x)) * self.up(x))  # type: ignore[no-any-return]


class BasicBlock(nn.Module):
    """``act(bn(conv(act(bn(conv(x))))) + shortcut(x))``: the unit of a CIFAR ResNet, 3 × 3 convolutions.

    Takes (batch, inputs, height, width), gives (batch, channels, height / stride, width / stride). Where the
    shape changes, the shortcut takes every ``stride``-th pixel and fills new channels with 0 ("option A"), so
    it has no parameters. The defaults are ResNet-56's first stage. Source: He et al. 2016, arXiv 1512.03385.

    Raises:
        ValueError: ``inputs`` > ``channels``: there is no channel to fill.
    """

    def __init__(
        self, activation: Factory, channels: int = 16, inputs: int | None = None, stride: int = 1
    ) -> None:
        super().__init__()
        inputs = channels if inputs is None else inputs
        if inputs > channels:
            raise ValueError(f"inputs must be at most channels, {channels}; got {inputs}")
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.activation1 = activation()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.activation2 = activation()
        self._stride, self._new = stride, channels - inputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.activation1(self.bn1(self.conv1(x)))
        return self.activation2(self.bn2(self.conv2(y)) + self._shortcut(x))  # type: ignore[no-any-return]

    def _shortcut(self, x: Tensor) -> Tensor:
        if self._stride > 1:
            x = x[:, :, :: self._stride, :: self._stride]
        return functional.pad(x, (0, 0, 0, 0, 0, self._new)) if self._new else x


class Attention(nn.Module):
    """Multi-head self-attention, ``causal`` or over the whole sequence; (batch, tokens, width) in and out.

    Raises:
        ValueError: ``heads`` do not divide ``width``.
    """

    def __init__(self, width: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"heads must divide width, {width}; got {heads}")
        self.heads, self.causal = heads, causal
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        apart = self.project(x).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = apart.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))  # type: ignore[no-any-return]


class BertBlock(nn.Module):
    """Attention, then :class:`MLPBlock`, each added to its input and *then* normalised (post-norm).

    (batch, tokens, width) in and out. The default sizes are those of BERT-small (Turc et al. 2019, arXiv
    1908.08962): width 512, 8 heads, hidden 2048.
    """

    def __init__(self, activation: Factory, width: int = 512, heads: int = 8, hidden: int = 2048) -> None:
        super().__init__()
        self.attention = Attention(width, heads, causal=False)
        self.norm1 = nn.LayerNorm(width)
        self.mlp = MLPBlock(activation, width, hidden)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.mlp(x))  # type: ignore[no-any-return]


class GPTBlock(nn.Module):
    """Causal attention, then :class:`MLPBlock`, each on its normalised input and added to it (pre-norm).

    (batch, tokens, width) in and out. The default sizes are those of GPT-2 124M: width 768, 12 heads, hidden
    3072.
    """

    def __init__(self, activation: Factory, width: int = 768, heads: int = 12, hidden: int = 3072) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal=True)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = MLPBlock(activation, width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]


# --- which are measured ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """A block as it is measured.

    Attributes:
        make: activation factory -> the block, in torch's default dtype on the CPU.
        summary: what it is, in a few words.
        source: where its sizes are from.
        features: the shape of one item of its input.
        items: (device, length of the run) -> how many items a step takes: tokens, images.
        item: what an item is.
        orders: the N at which the family is measured in it.
    """

    make: Callable[[Factory], nn.Module]
    summary: str
    source: str
    features: tuple[int, ...]
    items: dict[tuple[str, str], int]
    item: str
    orders: tuple[int, ...]

    def shape(self, device: str, length: str) -> tuple[int, ...]:
        """The shape of the input on ``device`` in a ``"quick"`` or ``"full"`` run."""
        return (self.items[device, length], *self.features)


BLOCKS: Final[dict[str, Block]] = {
    "gpt2-mlp": Block(
        MLPBlock,
        "the MLP of GPT-2 124M: 768 → 3072 → 768",
        "GPT-2 124M: width 768, hidden 4 × 768",
        (768,),
        {("cpu", "quick"): 128, ("cpu", "full"): 256, ("cuda", "quick"): 8192, ("cuda", "full"): 8192},
        "tokens",
        (1, 2),
    ),
    "gated-mlp": Block(
        GatedBlock,
        "a gated MLP with as many weights: 768 → 2 × 2048 → 768",
        "Shazeer 2020 (arXiv 2002.05202): two thirds of GPT-2's hidden units, no biases",
        (768,),
        {("cpu", "quick"): 128, ("cpu", "full"): 256, ("cuda", "quick"): 8192, ("cuda", "full"): 8192},
        "tokens",
        (1, 2),
    ),
    "resnet56-block": Block(
        BasicBlock,
        "a basic block of ResNet-56, first stage: 16 × 32 × 32, batch norm",
        "He et al. 2016 (arXiv 1512.03385), CIFAR: 16 channels of 32 × 32",
        (16, 32, 32),
        {("cpu", "quick"): 16, ("cpu", "full"): 32, ("cuda", "quick"): 128, ("cuda", "full"): 128},
        "images",
        (1,),
    ),
    "bert-small-block": Block(
        BertBlock,
        "a layer of BERT-small: attention and MLP, 512 wide, 8 heads, 128 tokens a sequence",
        "Turc et al. 2019 (arXiv 1908.08962): width 512, 8 heads, hidden 2048",
        (128, 512),
        {("cpu", "quick"): 1, ("cpu", "full"): 2, ("cuda", "quick"): 64, ("cuda", "full"): 64},
        "sequences",
        (1, 2),
    ),
}
"""Name -> row. A block is one class above and a row here."""


def count_parameters(module: nn.Module) -> int:
    """How many numbers a module learns."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """What ``make`` makes under ``seed``; the generator outside is left as it was.

    Activations of the family and torch's parameter-free ones draw nothing, so blocks that differ in their
    activation alone get the same weights from the same seed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
