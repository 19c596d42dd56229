"""Compiled functions of flat tensors, called without Dynamo's guards.

At every call Dynamo asks whether what it compiled for still holds: tens of microseconds, more than the
kernel takes on few elements. Where the caller knows that it holds, what Inductor made can be called itself.
"""

from __future__ import annotations

import threading
import types
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor

LARGEST = 2**31 - 1
"""Elements that kernels with 32-bit offsets reach."""


class Unguarded:
    """``body(*arrays, constants)``, compiled at once for any number of elements.

    ``arrays`` are contiguous 1-D tensors of one length, dtype and device, no two in the same memory. That is
    what is assumed of those it is called with, and not checked.

    Args:
        body: writes its result to one of its arguments.
        examples: arrays to compile with: their length says what lengths to be good at.
        constants: a tensor with the numbers of the function; those of a call may be others.
        options: of Inductor, as ``torch.compile(options=)`` takes them.
    """

    def __init__(
        self,
        body: Callable[..., None],
        examples: tuple[Tensor, ...],
        constants: Tensor,
        options: dict[str, Any],
    ) -> None:
        self._options = options
        self._seen: tuple[Callable[..., Any], tuple[Any, ...]] | None = None
        # Dynamo keeps what it compiles, and its limit on that, by code object: each has its own.
        own = types.FunctionType(body.__code__.replace(), body.__globals__, closure=body.__closure__)
        self._guarded = torch.compile(own, backend=self._compile, dynamic=True, fullgraph=True)
        self._guarded(*examples, constants)
        self._direct = self._unwrapped((*examples, constants), examples[0].numel())
        self._seen = None

    def __call__(self, *arguments: Any) -> None:
        """The arrays, the constants, and the number of elements."""
        if self._direct is not None and arguments[-1] <= LARGEST:
            self._direct(arguments)
        else:
            self._guarded(*arguments[:-1])

    def _compile(self, graph: torch.fx.GraphModule, examples: list[Any]) -> Callable[..., Any]:
        """The backend of torch.compile: Inductor, watched at its first call."""
        compiled = torch._inductor.compile(graph, examples, options=self._options)

        def watched(*arguments: Any) -> Any:
            self._seen = compiled, arguments
            return compiled(*arguments)

        return watched

    def _unwrapped(self, given: tuple[Tensor, ...], numel: int) -> Callable[[tuple[Any, ...]], Any] | None:
        """What Inductor made, as a function of the arguments given: in which order it wants them was seen.

        None where torch did not compile (told not to, for example), or wants what was not given.
        """
        if self._seen is None:
            return None
        compiled, wanted = self._seen
        places = []
        for argument in wanted:
            if isinstance(argument, int) and argument == numel:
                places.append(len(given))
            else:
                at = [i for i, tensor in enumerate(given) if tensor is argument]
                if not at:
                    return None
                places += at
        arranged = itemgetter(*places)
        return lambda arguments: compiled(*arranged(arguments))


LOCK = threading.RLock()
"""Held while compiling: what is seen at a first call is of that call."""
