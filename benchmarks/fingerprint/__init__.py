"""Fingerprints of generated GPU code: what the kernels of this commit compile to, without a GPU.

``kernels`` compiles them for one architecture, ``assembly`` reads what came out, ``table`` puts both
together, ``bound`` predicts from it what limits a kernel, ``command`` prints. A fingerprint is deterministic:
it changes when the code or its compiler does, never with the machine.

The table (schema 1)::

    {"schema": 1, "architecture": 90, "triton": "3.7.1", "kernels": [row, ...]}

    row: implementation, direction ("forward" | "backward"), function ("gem(n=1)"), n, dtype,
         wide (64-bit offsets), elements_per_thread,
         registers (a thread), spilled_bytes (stores + loads), stack_bytes,
         float64 (instructions that compute in it), load_bytes, store_bytes (narrowest access to memory),
         ptx: {kind: instructions}, sass: {kind: instructions} | null (no disassembler here)

``kind`` is a key of :data:`benchmarks.fingerprint.assembly.KINDS`; instructions are of one thread, from the
kernel's start to its first unconditional end.
"""
