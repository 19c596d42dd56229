"""What is trained, and how: a row for each model, the same for every activation.

``quick`` is for two processor cores and ten minutes, ``full`` for a GPU, a cluster or a night; both run the
same code and need no download. ``published`` holds the settings that results were published for; the data are
the user's own (``--data DIR``).

What is public of those settings (arXiv 2604.21677) is the data set, the model and, for some, the activation's
parameters. Optimiser, learning rates, schedule, batch and length are **our choice**: those of the papers that
the models come from, as each row says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from benchmarks.train.entries import CNN, SMALL, TRANSFORMER

if TYPE_CHECKING:
    from torch import nn

CLASSIFY, NEXT, MASKED = "classify", "next", "masked"
"""What is learned: classes, the next symbol, hidden symbols."""

SGD, ADAMW = "sgd", "adamw"
COSINE, DROPS = "cosine", "drops"


@dataclass(frozen=True)
class Recipe:
    """One model and how it is trained.

    Attributes:
        title: in words.
        group: one of the groups in :mod:`benchmarks.train.entries`.
        about: what it is, what is small about it, what of it is our choice.
        dataset: a key of :data:`benchmarks.train.data.DATASETS`.
        objective: :data:`CLASSIFY`, :data:`NEXT` or :data:`MASKED`.
        network: a class of :mod:`benchmarks.models.networks`, and ``sizes`` its sizes; what the data decide
            (features, classes, vocabulary) is filled in.
        optimizer: :data:`SGD` (momentum 0.9) or :data:`ADAMW`.
        rates: the learning rates that everybody is tried with, ascending. They bracket what most seeds of
            most activations choose; each costs ``seeds`` trainings of everybody.
        steps: of the optimiser, ``batch`` samples or sequences each.
        micro: samples that are in memory at once; None: the whole batch.
        context: symbols of a sequence; 0 where there are none.
        decay: weight decay, of matrices alone.
        betas: of AdamW.
        clip: largest norm of the gradient; None: any.
        schedule: after ``warmup`` steps of linear increase, :data:`COSINE` to a tenth, or :data:`DROPS` to a
            tenth at half and again at three quarters.
        held_out: samples set aside to choose by; a text has its own part for that.
        scored: sequences that a score is taken over, at most.
        augment: whether pictures are shifted by up to 4 pixels and mirrored.
        precision: ``"float32"``, or ``"bfloat16"`` for matrix products on a GPU.
        seeds: how many by default; each is trained at every rate.
    """

    title: str
    group: str
    about: str
    dataset: str
    objective: str
    network: str
    optimizer: str
    rates: tuple[float, ...]
    steps: int
    batch: int
    sizes: Mapping[str, Any] = field(default_factory=dict)
    micro: int | None = None
    context: int = 0
    decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float | None = None
    schedule: str = COSINE
    warmup: int = 0
    held_out: int = 0
    scored: int = 256
    augment: bool = False
    precision: str = "float32"
    seeds: int = 5

    def optimizer_words(self) -> str:
        """The optimiser, as readers are told."""
        decay = f", weight decay {self.decay:g}" if self.decay else ""
        clip = f", gradient norm at most {self.clip:g}" if self.clip else ""
        if self.optimizer == SGD:
            return f"SGD, momentum 0.9{decay}{clip}"
        return f"AdamW, betas {self.betas[0]:g} and {self.betas[1]:g}{decay}{clip}"

    def schedule_words(self) -> str:
        """The schedule, as readers are told."""
        start = f"{self.warmup} steps of linear increase, then " if self.warmup else ""
        fall = (
            "a cosine to a tenth" if self.schedule == COSINE else "a tenth at half, again at three quarters"
        )
        return start + fall

    def module(self, activation: Callable[[], nn.Module], data: Any, gain: float | None = None) -> nn.Module:
        """The network for ``data`` with fresh weights.

        Args:
            activation: makes the activation.
            data: a Split or a Text.
            gain: of the initialisation; None: that of He et al., sqrt(2).
        """
        from benchmarks.models import networks

        sizes = dict(self.sizes)
        if self.objective == CLASSIFY:
            sizes["classes"] = data.classes
            key = "features" if self.network == "MLP" else "colours"
            sizes[key] = data.train_x.shape[1] if self.network == "MLP" else data.shape[0]
            sizes |= {} if gain is None else {"gain": gain}
        else:
            sizes |= {"vocabulary": data.vocabulary, "context": self.context}
        made: nn.Module = getattr(networks, self.network)(activation, **sizes)
        return made


_MLP = Recipe(
    title="MLP on digits",
    group=SMALL,
    about="Two hidden layers of 64 units on 8 × 8 pictures of handwritten digits: about 1,150 to train on.",
    dataset="digits",
    objective=CLASSIFY,
    network="MLP",
    sizes={"width": 64, "hidden": 2},
    optimizer=SGD,
    rates=(0.02, 0.04, 0.08, 0.16),
    steps=300,
    batch=64,
    held_out=287,
)

_RESNET = Recipe(
    title="small ResNet on digits",
    group=CNN,
    about="A ResNet of two stages of 8 and 16 channels, one basic block each, batch norm, on 8 × 8 pictures "
    "of handwritten digits: about 1,150 to train on.",
    dataset="digits",
    objective=CLASSIFY,
    network="ResNet",
    sizes={"channels": (8, 16), "blocks": 1},
    optimizer=SGD,
    rates=(0.16, 0.4, 1.0),
    steps=90,
    batch=64,
    held_out=287,
)

_GPT = Recipe(
    title="small GPT on characters",
    group=TRANSFORMER,
    about="A GPT of two layers, 32 wide, on the text of Python's help topics, a character a symbol.",
    dataset="characters",
    objective=NEXT,
    network="GPT",
    sizes={"width": 32, "heads": 2, "layers": 2},
    optimizer=ADAMW,
    betas=(0.9, 0.95),
    decay=0.1,
    clip=1.0,
    rates=(0.005, 0.01, 0.02),
    steps=100,
    batch=16,
    context=32,
    warmup=20,
)

QUICK: Final[dict[str, Recipe]] = {"mlp": _MLP, "resnet": _RESNET, "gpt": _GPT}
"""For two cores and ten minutes."""

FULL: Final[dict[str, Recipe]] = {
    "mlp": replace(_MLP, steps=1800, seeds=10),
    "mlp-cancer": replace(
        _MLP,
        title="MLP on breast cancer measurements",
        about="Two hidden layers of 64 units on 30 measurements of cells: about 365 samples to train on.",
        dataset="breast cancer",
        steps=600,
        batch=32,
        held_out=91,
        seeds=10,
    ),
    "resnet": replace(
        _RESNET,
        title="ResNet-20 on digits",
        about="A ResNet of three stages of 16, 32 and 64 channels, three basic blocks each, batch norm, on "
        "8 × 8 pictures of handwritten digits: about 1,150 to train on.",
        sizes={"channels": (16, 32, 64), "blocks": 3},
        steps=600,
        seeds=10,
    ),
    "gpt": replace(
        _GPT,
        title="GPT on characters",
        about="A GPT of four layers, 128 wide, on the text of Python's help topics, a character a symbol.",
        sizes={"width": 128, "heads": 4, "layers": 4},
        rates=(0.001, 0.003, 0.01),
        steps=2000,
        batch=32,
        context=128,
        warmup=100,
        seeds=10,
    ),
}
"""The same, larger and longer: for a GPU or a cluster."""

_RESNET56 = Recipe(
    title="ResNet-56 on CIFAR-10",
    group=CNN,
    about="Published: data set and model. Our choice, after He et al. 2016 (arXiv 1512.03385): SGD, batch "
    "128, 64,000 steps, weight decay 0.0001, pictures shifted and mirrored.",
    dataset="cifar10",
    objective=CLASSIFY,
    network="ResNet",
    sizes={"channels": (16, 32, 64), "blocks": 9},
    optimizer=SGD,
    decay=1e-4,
    schedule=DROPS,
    rates=(0.03, 0.1, 0.3),
    steps=64_000,
    batch=128,
    held_out=5_000,
    augment=True,
    seeds=5,
)

PUBLISHED: Final[dict[str, Recipe]] = {
    "mnist-mlp": Recipe(
        title="MLP on MNIST",
        group=SMALL,
        about="Published: the data set. Our choice: two hidden layers of 256 units, AdamW, batch 128, 20 "
        "passes.",
        dataset="mnist",
        objective=CLASSIFY,
        network="MLP",
        sizes={"width": 256, "hidden": 2},
        optimizer=ADAMW,
        decay=0.01,
        rates=(0.0003, 0.001, 0.003),
        steps=8_600,
        batch=128,
        held_out=5_000,
    ),
    "cifar10-resnet56": _RESNET56,
    "cifar100-resnet56": replace(_RESNET56, title="ResNet-56 on CIFAR-100", dataset="cifar100"),
    "gpt2-124m": Recipe(
        title="GPT-2 124M",
        group=TRANSFORMER,
        about="Published: the model, and perplexities of 72.57 (gem), 73.32 (gem, n = 1) and 73.76 (gelu); "
        "perplexity is exp of the loss. The text, the length and the optimiser are not public. Our choice, "
        "after the GPT-2 and GPT-3 papers: AdamW with betas 0.9 and 0.95, weight decay 0.1, half a million "
        "tokens a step, 2,000 steps. GELU is the erf form here; GPT-2's own is the tanh form.",
        dataset="tokens",
        objective=NEXT,
        network="GPT",
        sizes={"width": 768, "heads": 12, "layers": 12},
        optimizer=ADAMW,
        betas=(0.9, 0.95),
        decay=0.1,
        clip=1.0,
        rates=(0.0003, 0.0006, 0.0012),
        steps=2_000,
        batch=512,
        micro=16,
        context=1024,
        warmup=100,
        scored=512,
        precision="bfloat16",
        seeds=3,
    ),
    "bert-small": Recipe(
        title="BERT-small",
        group=TRANSFORMER,
        about="Published: the model, and a validation loss of 6.656 (e-gem, eps = 10). The text and the "
        "length are not public. Our choice, after Devlin et al. 2019 (arXiv 1810.04805): 15 % of the tokens "
        "hidden, AdamW, batch 256, weight decay 0.01, 10,000 steps.",
        dataset="tokens",
        objective=MASKED,
        network="BERT",
        sizes={"width": 512, "heads": 8, "layers": 4},
        optimizer=ADAMW,
        decay=0.01,
        clip=1.0,
        rates=(0.00003, 0.0001, 0.0003),
        steps=10_000,
        batch=256,
        micro=64,
        context=128,
        warmup=1_000,
        scored=2048,
        precision="bfloat16",
        seeds=5,
    ),
}
"""Published settings, on the user's own data."""

LENGTHS: Final = {"quick": QUICK, "full": FULL}


def recipe_of(length: str, model: str) -> Recipe:
    """The row of ``model``; KeyError where there is none. Published settings have one length."""
    return PUBLISHED[model] if model in PUBLISHED else LENGTHS[length][model]
