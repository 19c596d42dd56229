"""How the implementations are measured: cases, a gate, clocks, interleaved samples, memory, records.

The flow is one way: ``axes -> cases -> work -> gate -> measure -> record``. Nothing here is installed with
the package, nothing in ``gem_impls`` knows of it, and no module runs a torch operation when imported.
"""
