"""Bytes of one participant's step: what it allocates at its peak, and what it keeps for backward."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks import memory
from benchmarks.blocks.entries import Count
from benchmarks.blocks.participants import Inputs, Participant
from benchmarks.blocks.settings import Setting
from benchmarks.gate import NotMeasured
from benchmarks.measure import reasons


def count(one: Participant, setting: Setting, inputs: Inputs) -> Count:
    """The bytes of ``one``; what could not be counted is None, with the reason."""
    peak = saved = reason = None
    try:
        with reasons():
            peak = peak_bytes(one, setting)
            saved = saved_bytes(one, inputs) if setting.training else None
    except NotMeasured as error:
        reason = str(error)
    return Count(
        block=setting.block,
        device=setting.device,
        dtype=setting.dtype,
        mode=setting.mode,
        passes=setting.passes,
        who=one.name,
        peak_bytes=peak,
        saved_bytes=saved,
        reason=reason,
    )


def peak_bytes(one: Participant, setting: Setting) -> int:
    """Most bytes allocated at any time of a step, beyond what there was before it.

    A step leaves no gradient behind, so it starts from the input and the parameters alone.

    Raises:
        NotMeasured: fewer bytes than the results take: they are not new memory.
    """
    one.step()  # what is allocated at the first call only is not counted
    peak, returned = memory.peak_bytes(one.step, "torch", setting.device)
    results = returned if isinstance(returned, tuple) else (returned,)
    least = sum(r.nbytes for r in results)
    if peak < least:
        raise NotMeasured(
            f"implausible memory: {peak} bytes allocated at the peak, but the results take {least}"
        )
    return int(peak)


def saved_bytes(one: Participant, inputs: Inputs) -> int:
    """Bytes kept from the forward pass until backward, without the block's input, parameters and buffers."""
    known = {
        t.untyped_storage().data_ptr() for t in (*one.block.parameters(), *one.block.buffers(), inputs.x)
    }
    seen: dict[int, int] = {}

    def note(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        y = one.run(inputs.x)
    del y  # the graph lived until here, so no address was used twice
    return sum(seen.values())
