"""The layers against their formulas in NumPy, their sizes against counts by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the layers are torch modules")

from benchmarks.models.activations import Activation, named  # noqa: E402
from benchmarks.models.blocks import (  # noqa: E402
    BLOCKS,
    Attention,
    BasicBlock,
    BertBlock,
    GatedBlock,
    GPTBlock,
    MLPBlock,
    count_parameters,
    gated_hidden,
    seeded,
)

RELU = Activation("relu").module


def numbers(*shape: int, seed: int = 0) -> Any:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(make: Callable[[], Any]) -> Any:
    return seeded(make, 0).double().eval()


def weights(module: Any) -> dict[str, Any]:
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def layer_norm(x: Any) -> Any:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def attention(w: dict[str, Any], prefix: str, x: Any, heads: int, *, causal: bool) -> Any:
    """Softmax of scaled products, written out; one batch item at a time."""
    out = []
    for tokens in x:
        q, k, v = np.split(tokens @ w[f"{prefix}project.weight"].T + w[f"{prefix}project.bias"], 3, axis=-1)
        mixed = []
        for qh, kh, vh in zip(*(np.split(a, heads, axis=-1) for a in (q, k, v)), strict=True):
            scores = qh @ kh.T / np.sqrt(qh.shape[-1])
            if causal:
                scores[np.triu_indices(len(tokens), 1)] = -np.inf
            p = np.exp(scores - scores.max(-1, keepdims=True))
            mixed.append(p / p.sum(-1, keepdims=True) @ vh)
        out.append(np.concatenate(mixed, -1) @ w[f"{prefix}out.weight"].T + w[f"{prefix}out.bias"])
    return np.stack(out)


def mlp(w: dict[str, Any], prefix: str, x: Any) -> Any:
    hidden = relu(x @ w[f"{prefix}up.weight"].T + w[f"{prefix}up.bias"])
    return hidden @ w[f"{prefix}down.weight"].T + w[f"{prefix}down.bias"]


def close(module: Any, x: Any, expected: Any) -> None:
    with torch.no_grad():
        np.testing.assert_allclose(module(x).numpy(), expected, rtol=1e-10, atol=1e-12)


def test_mlp() -> None:
    module, x = made(lambda: MLPBlock(RELU, 6, 10)), numbers(4, 6)
    close(module, x, mlp(weights(module), "", x.numpy()))


def test_gated() -> None:
    module, x = made(lambda: GatedBlock(RELU, 6)), numbers(4, 6)
    w, a = weights(module), x.numpy()
    close(module, x, (relu(a @ w["gate.weight"].T) * (a @ w["up.weight"].T)) @ w["down.weight"].T)


def test_gated_has_as_many_weights_as_the_ungated() -> None:
    assert gated_hidden(3072) == 2048
    matrices = [p for p in MLPBlock(RELU).parameters() if p.dim() == 2]
    assert count_parameters(GatedBlock(RELU)) == sum(p.numel() for p in matrices)


@pytest.mark.parametrize("causal", [False, True])
def test_attention(causal: bool) -> None:
    module, x = made(lambda: Attention(8, 2, causal=causal)), numbers(2, 5, 8)
    close(module, x, attention(weights(module), "", x.numpy(), 2, causal=causal))


def test_bert_normalises_after_adding() -> None:
    module, x = made(lambda: BertBlock(RELU, 8, 2, 12)), numbers(2, 5, 8)
    w, a = weights(module), x.numpy()
    a = layer_norm(a + attention(w, "attention.", a, 2, causal=False))
    close(module, x, layer_norm(a + mlp(w, "mlp.", a)))


def test_gpt_normalises_before_and_sees_the_past_only() -> None:
    module, x = made(lambda: GPTBlock(RELU, 8, 2, 12)), numbers(2, 5, 8)
    w, a = weights(module), x.numpy()
    b = a + attention(w, "attention.", layer_norm(a), 2, causal=True)
    close(module, x, b + mlp(w, "mlp.", layer_norm(b)))


def convolved(x: Any, w: Any, stride: int) -> Any:
    """3 × 3, padded with 0, written out; (channels, height, width)."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("chwij,ocij->ohw", windows, w)


@pytest.mark.parametrize(("inputs", "stride"), [(4, 1), (2, 2)])
def test_basic_block(inputs: int, stride: int) -> None:
    module, x = made(lambda: BasicBlock(RELU, 4, inputs, stride)), numbers(1, inputs, 6, 6)
    w = weights(module)
    scale = 1 / np.sqrt(1 + 1e-5)  # fresh running statistics: mean 0, variance 1
    y = relu(convolved(x[0].numpy(), w["conv1.weight"], stride) * scale)
    y = convolved(y, w["conv2.weight"], 1) * scale
    shortcut = np.zeros_like(y)
    shortcut[:inputs] = x[0].numpy()[:, ::stride, ::stride]
    close(module, x, relu(y + shortcut)[None])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="heads must divide width, 8; got 3"):
        Attention(8, 3, causal=False)
    with pytest.raises(ValueError, match="inputs must be at most channels, 4; got 8"):
        BasicBlock(RELU, 4, 8)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("gpt2-mlp", 2 * 768 * 3072 + 3072 + 768),
        ("gated-mlp", 3 * 768 * 2048),
        ("resnet56-block", 2 * 9 * 16 * 16 + 4 * 16),
        ("bert-small-block", 4 * (512 * 512 + 512) + 2 * 512 * 2048 + 2048 + 512 + 4 * 512),
    ],
)
def test_sizes_are_the_published_ones(name: str, parameters: int) -> None:
    row = BLOCKS[name]
    module = row.make(RELU)
    assert count_parameters(module) == parameters
    shape = (2, *row.features)
    assert module(torch.zeros(shape)).shape == shape


def test_the_same_seed_gives_the_same_weights_whatever_the_activation() -> None:
    before = torch.get_rng_state()
    blocks = [seeded(lambda a=a: MLPBlock(named(a).module, 6, 10), 3) for a in ("gelu", "se-gem(n=2)")]
    assert torch.equal(before, torch.get_rng_state())
    for p, q in zip(*(block.parameters() for block in blocks), strict=True):
        assert torch.equal(p, q)
