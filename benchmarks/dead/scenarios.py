"""How networks are trained here: well, and in the ways that are known to kill units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 64
DEPTH: Final = 3
BATCH: Final = 128
"""Hidden units, hidden layers, samples of a step."""

FAINT_BELOW: Final = 1e-6
"""A unit is faint where its activation's derivative stays below it on all data: alive, and useless."""

HE: Final = math.sqrt(2)


@dataclass(frozen=True)
class Scenario:
    """One way to train.

    Attributes:
        title: for people.
        short: likewise, above a column.
        optimizer: ``"sgd"`` (no momentum) or ``"adam"`` (torch's defaults but for the rate).
        learning_rate: constant.
        gain: weights begin normal, of standard deviation gain / sqrt(fan in).
        bias: initial value of every hidden bias.
    """

    title: str
    short: str
    optimizer: str = "sgd"
    learning_rate: float = 0.1
    gain: float = HE
    bias: float = 0.0


SCENARIOS: Final = {
    "usual": Scenario("as usual: SGD at 0.1, He", "as usual"),
    "high-rate": Scenario("high learning rate: SGD at 1", "SGD at 1", learning_rate=1.0),
    "adam-high-rate": Scenario(
        "high learning rate: Adam at 0.03", "Adam at 0.03", optimizer="adam", learning_rate=0.03
    ),
    "large-gain": Scenario("weights begin 3 times as large", "weights × 3", gain=3 * HE),
    "negative-bias": Scenario("hidden biases begin at −1", "biases −1", bias=-1.0),
    "more-negative-bias": Scenario("hidden biases begin at −2", "biases −2", bias=-2.0),
}
"""Name -> scenario. Each differs from the usual one in one way."""
