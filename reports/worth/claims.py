"""What is claimed of the family, by its paper and by its doubters: a row each, with what would support it."""

from __future__ import annotations

from typing import Final

from benchmarks.train.entries import CNN, SMALL, TRANSFORMER
from gem_impls import Spec
from reports.worth import cost, gradients, shape, training
from reports.worth.training import Published, published
from reports.worth.verdicts import Claim

PAPER: Final = "paper, arXiv 2604.21677"
DOUBT: Final = "doubt in commentary"

FLOW: Final = "python -m benchmarks flow"
DEAD: Final = "python -m benchmarks dead"
SHAPE: Final = "python -m benchmarks shape"
BLOCKS: Final = "python -m benchmarks blocks"
TRAIN: Final = "python -m benchmarks train"
CALLS: Final = "python -m benchmarks performance"

TOGETHER: Final = "All comparisons of a model are taken together (Holm's method at 5 %)."
ALL_TESTS: Final = "All of both, at every place, are taken together (Holm's method at 5 %)."
REAL: Final = (
    "Decided by the recipe on its own data set alone, of its published size (of a text, 100 million tokens "
    "or more), with at least three seeds; "
)


def recipe(name: str) -> str:
    """What runs a published setting."""
    return f"{TRAIN} --recipe {name} --data DIR"


CLAIMS: Final[tuple[Claim, ...]] = (
    Claim(
        "like-relu",
        "It performs like ReLU.",
        PAPER,
        "In every model of the ablation, the 95 % interval of the paired difference of gem, e-gem and "
        "se-gem (N = 1, default ε) to ReLU excludes that it is worse by 1 point of accuracy, or 1 % of "
        "the loss. All must pass, so that there are several does not make it easier. That no difference "
        "was seen is not enough.",
        training.like_relu,
        ("train",),
        TRAIN,
    ),
    Claim(
        "gradient-flow",
        "Smoothness gives better gradient flow than ReLU's.",
        PAPER,
        "In the deepest networks measured, with equal weights, the gradient of gem, e-gem or se-gem (N = "
        "1, default ε) drifts less from layer to layer than ReLU's in some kind of network, and more in "
        "none. Drift: |ln| of the gradient's size at the first layer over the number of layers, or over "
        "those it passed until it left the interval. Networks that begin with each activation's own gain "
        "have unequal weights and are left out. All comparisons are taken together (Holm's method at 5 "
        "%).",
        gradients.better_flow,
        ("flow",),
        FLOW,
    ),
    Claim(
        "no-dead",
        "se-gem has no dead neurons.",
        PAPER,
        "At the end of training, or when last counted before it diverged, no unit of se-gem (N = 1, "
        "default ε and slope) has a gradient that is exactly 0 over the whole data set, in any scenario "
        "and seed; and ReLU has such units in some scenario, or nothing was put to the test.",
        gradients.none_dead,
        ("dead",),
        DEAD,
    ),
    Claim(
        "order-trades",
        "N is a dial: smoothness against closeness to ReLU.",
        PAPER,
        "At the default ε, every higher N has the greater largest distance to ReLU and the steeper "
        "slope. Whether that dial is worth turning is another row.",
        shape.order_trades,
        ("shape",),
        SHAPE,
    ),
    Claim(
        "approaches-relu",
        "e-gem approximates ReLU arbitrarily well in L^p.",
        PAPER,
        "Every distance computed from the definition agrees with its closed form to 1e-12, and every "
        "smaller ε has the smaller distance.",
        shape.approaches_relu,
        ("shape",),
        SHAPE,
    ),
    Claim(
        "smooth-junction",
        "The junction at 0 is 2N times differentiable.",
        PAPER,
        "One-sided finite differences of every order up to 2N + 1, in high precision and from both "
        "sides, agree with 0, and with the predicted jump at order 2N + 1, to 1e-12.",
        shape.smooth_junction,
        ("shape",),
        SHAPE,
    ),
    Claim(
        "first-order",
        "N = 1 is best in networks of ordinary depth.",
        PAPER,
        "In every model that is no transformer, some variant is worse with N = 2 or 3 than with N = 1 at "
        f"its default ε, and none is better. {TOGETHER}",
        training.first_order_best,
        ("train",),
        TRAIN,
    ),
    Claim(
        "second-order",
        "N = 2 is best in transformers.",
        PAPER,
        "In every transformer, some variant is better with N = 2 than with N = 1 at its default ε, and "
        f"none is worse. {TOGETHER}",
        training.second_order_for_transformers,
        ("train",),
        TRAIN,
    ),
    Claim(
        "cheap-call",
        "It is cheap, because it is rational: a call.",
        PAPER,
        "gem (N = 1) in its fastest implementation takes less time than GELU at some size and more at "
        "none, forward and forward with backward; less and more by one-sided paired t tests on the "
        f"logarithms of the rounds' times. {ALL_TESTS}",
        cost.cheap_call,
        ("performance",),
        CALLS,
    ),
    Claim(
        "cheap-layer",
        "It is cheap, because it is rational: a layer.",
        PAPER,
        "A training step with gem (N = 1) in its fastest implementation is shorter than with GELU in "
        "some block and longer in none; shorter and longer by one-sided paired t tests on the logarithms "
        f"of the rounds' times. {ALL_TESTS}",
        cost.cheap_layer,
        ("blocks",),
        BLOCKS,
    ),
    Claim(
        "cifar10",
        "CIFAR-10, ResNet-56: se-gem (ε = 1e-4) 92.51 %, GELU 92.44 %.",
        PAPER,
        f"{REAL}supported if se-gem is better than GELU.",
        published(Published("cifar10-resnet56", CNN, better=((Spec("se-gem"), "gelu"),))),
        ("train",),
        recipe("cifar10-resnet56"),
    ),
    Claim(
        "cifar100",
        "CIFAR-100, ResNet-56: GELU leads by 6.10 % (gem, N = 2), 2.12 % (N = 1), 0.62 % (e-gem).",
        PAPER,
        f"{REAL}supported if e-gem is better than gem (N = 1), and that better than gem (N = 2).",
        published(
            Published(
                "cifar100-resnet56",
                CNN,
                better=((Spec("e-gem"), Spec("gem")), (Spec("gem"), Spec("gem", 2))),
            )
        ),
        ("train",),
        recipe("cifar100-resnet56"),
    ),
    Claim(
        "mnist",
        "MNIST: e-gem 99.23 %, level with the best baseline.",
        PAPER,
        f"{REAL}supported if the intervals exclude that e-gem is worse by 0.2 points than ReLU, GELU or "
        "SiLU.",
        published(
            Published(
                "mnist-mlp",
                SMALL,
                as_good=tuple((Spec("e-gem"), peer) for peer in ("relu", "gelu", "silu")),
                margin=0.002,
            )
        ),
        ("train",),
        recipe("mnist-mlp"),
    ),
    Claim(
        "gpt2",
        "GPT-2 124M, perplexity: gem (N = 2) 72.57, gem (N = 1) 73.32, GELU 73.76.",
        PAPER,
        f"{REAL}supported if gem (N = 2) is better than gem (N = 1) and than GELU. Perplexity is e to the "
        "loss.",
        published(
            Published(
                "gpt2-124m", TRANSFORMER, better=((Spec("gem", 2), Spec("gem")), (Spec("gem", 2), "gelu"))
            )
        ),
        ("train",),
        recipe("gpt2-124m"),
    ),
    Claim(
        "bert-small",
        "BERT-small, validation loss: e-gem with ε = 10 is best, at 6.656.",
        PAPER,
        f"{REAL}supported if e-gem (N = 1, ε = 10) is better than GELU and than e-gem with ε = 1e-4. Of "
        "the published three seeds a reader notes that they differ by more than the activations do.",
        published(
            Published(
                "bert-small",
                TRANSFORMER,
                better=((Spec("e-gem", 1, 10.0), "gelu"), (Spec("e-gem", 1, 10.0), Spec("e-gem"))),
            )
        ),
        ("train",),
        recipe("bert-small"),
    ),
    Claim(
        "hierarchy",
        "If N = 1 wins, the smoothness hierarchy sells little.",
        DOUBT,
        "In no model is N = 2 or 3 better than N = 1 anywhere in the grid (variants × ε, taken together "
        "by Holm's method at 5 %), and at the default ε the 95 % intervals exclude a gain of 1 point of "
        "accuracy, or 1 % of the loss. That no difference was seen is not enough.",
        training.hierarchy_sells_little,
        ("train",),
        TRAIN,
    ),
    Claim(
        "live-neurons",
        "se-gem's live neurons are what makes the family train better.",
        DOUBT,
        "Trained with se-gem against e-gem at equal N and ε, it is better in some model and worse in "
        "none. All comparisons of all models are taken together (Holm's method at 5 %).",
        training.live_neurons_help,
        ("train",),
        TRAIN,
    ),
    Claim(
        "not-faster",
        "Fewer operations need not make a faster network.",
        DOUBT,
        "In some block the activations by themselves take less time with gem (N = 1) than with GELU, and "
        "the training step with it takes more than 99 % of the time of that with GELU: both by one-sided "
        "paired t tests on the logarithms of the rounds' times, of which a block counts with the larger "
        "p, all blocks taken together (Holm's method at 5 %). That no difference was seen is not enough.",
        cost.not_faster_network,
        ("blocks",),
        BLOCKS,
    ),
)
"""In the order of the page. A new claim is a row here and a function that judges it."""
