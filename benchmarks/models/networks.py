"""Whole networks, made of the blocks: an MLP, a CIFAR ResNet, a GPT and a BERT, of any size.

Each takes the activation as a factory, and draws its weights from torch's generator as it is when it is
made: after the same ``torch.manual_seed`` networks that differ only in their activation have the same
weights, since activations draw nothing. (Where ``gain`` differs, the same up to that factor.)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from benchmarks.models.blocks import BasicBlock, BertBlock, Factory, GPTBlock

HE_GAIN: Final = math.sqrt(2)
"""The gain that keeps the variance of what ReLU passes on (He et al. 2015, arXiv 1502.01852)."""

GPT2_STD: Final = 0.02
GPT2_WIDTH: Final = 768


class MLP(nn.Module):
    """``hidden`` layers of ``width`` units, each followed by the activation.

    Takes (batch, features), gives (batch, classes). Weights are normal with variance gain²/fan_in, the
    last layer's with 1/fan_in; biases are 0.
    """

    def __init__(
        self,
        activation: Factory,
        features: int,
        classes: int,
        width: int = 64,
        hidden: int = 2,
        gain: float = HE_GAIN,
    ) -> None:
        super().__init__()
        sizes = [features, *[width] * hidden]
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), activation()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(sizes[-1], classes)
        _draw(self.body, gain)
        _draw(self.head, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))  # type: ignore[no-any-return]


class ResNet(nn.Module):
    """A CIFAR ResNet: a convolution, stages of :class:`BasicBlock`, the mean over pixels, a linear layer.

    Takes (batch, colours, height, width), gives (batch, classes). Every stage after the first halves the
    picture. ResNet-56 is ``channels=(16, 32, 64), blocks=9`` on 32 × 32 (He et al. 2016, arXiv 1512.03385).
    Convolutions are normal with variance gain²/fan_in, the last layer with 1/fan_in.
    """

    def __init__(
        self,
        activation: Factory,
        colours: int,
        classes: int,
        channels: Sequence[int] = (16, 32, 64),
        blocks: int = 9,
        gain: float = HE_GAIN,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(colours, channels[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(channels[0]),
            activation(),
        )
        stages: list[nn.Module] = []
        before = channels[0]
        for stage, count in enumerate(channels):
            for index in range(blocks):
                stride = 2 if stage and index == 0 else 1
                stages.append(BasicBlock(activation, count, before, stride))
                before = count
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(before, classes)
        _draw(self.stem, gain)
        _draw(self.stages, gain)
        _draw(self.head, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stages(self.stem(x)).mean((2, 3)))  # type: ignore[no-any-return]


class GPT(nn.Module):
    """A GPT-2: token and place embeddings, :class:`GPTBlock` layers, a norm; the head is the token embedding.

    Takes (batch, tokens) of int64, gives (batch, tokens, vocabulary). The defaults are GPT-2 124M's. Weights
    are normal with :func:`transformer_std`, those that add to the residual stream with that over
    sqrt(2 layers), as in GPT-2 (Radford et al. 2019); biases are 0.
    """

    def __init__(
        self,
        activation: Factory,
        vocabulary: int,
        context: int = 1024,
        width: int = GPT2_WIDTH,
        heads: int = 12,
        layers: int = 12,
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(context, width)
        self.layers = nn.Sequential(*(GPTBlock(activation, width, heads, 4 * width) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        std = transformer_std(width)
        _draw_normal(self, std)
        for layer in self.layers:
            assert isinstance(layer, GPTBlock)
            for last in (layer.attention.out, layer.mlp.down):
                nn.init.normal_(last.weight, std=std / math.sqrt(2 * layers))

    def forward(self, x: Tensor) -> Tensor:
        places = self.places.weight[: x.shape[1]]
        found = self.norm(self.layers(self.tokens(x) + places))
        return found @ self.tokens.weight.T  # type: ignore[no-any-return]


class BERT(nn.Module):
    """A BERT that guesses hidden symbols: embeddings, :class:`BertBlock` layers, and BERT's head.

    Takes (batch, tokens) of int64, where the symbol ``vocabulary`` stands for a hidden one; gives (batch,
    tokens, vocabulary). The head is a linear layer, the activation and a norm before the token embedding.
    The defaults are BERT-small's (Turc et al. 2019, arXiv 1908.08962). Weights are normal with
    :func:`transformer_std`; biases are 0.
    """

    def __init__(
        self,
        activation: Factory,
        vocabulary: int,
        context: int = 128,
        width: int = 512,
        heads: int = 8,
        layers: int = 4,
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary + 1, width)
        self.places = nn.Embedding(context, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.Sequential(*(BertBlock(activation, width, heads, 4 * width) for _ in range(layers)))
        self.transform = nn.Sequential(nn.Linear(width, width), activation(), nn.LayerNorm(width))
        _draw_normal(self, transformer_std(width))

    def forward(self, x: Tensor) -> Tensor:
        places = self.places.weight[: x.shape[1]]
        found = self.transform(self.layers(self.norm(self.tokens(x) + places)))
        return found @ self.tokens.weight[:-1].T  # type: ignore[no-any-return]


def transformer_std(width: int) -> float:
    """The spread of a transformer's weights: 0.02 at GPT-2's width of 768, and as 1/sqrt(width) elsewhere.

    So what goes into an activation has the same spread in a narrow model as in GPT-2, about 0.55: an
    activation that is flat around 0 is not put at a disadvantage that it has only in small models.
    """
    return GPT2_STD * math.sqrt(GPT2_WIDTH / width)


def _draw(module: nn.Module, gain: float) -> None:
    """Normal weights with variance gain²/fan_in in every linear and convolutional layer; biases 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            fan_in = layer.weight[0].numel()
            nn.init.normal_(layer.weight, std=gain / math.sqrt(fan_in))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _draw_normal(module: nn.Module, std: float) -> None:
    """Normal weights with spread ``std`` in every linear layer and embedding; biases 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Embedding):
            nn.init.normal_(layer.weight, std=std)
        if isinstance(layer, nn.Linear) and layer.bias is not None:
            nn.init.zeros_(layer.bias)


def on_meta(make: Factory) -> nn.Module:
    """What ``make`` makes, without memory for its weights: to count them."""
    with torch.device("meta"):
        return make()
