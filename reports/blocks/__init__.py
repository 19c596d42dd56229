"""The page of layers: records of ``python -m benchmarks blocks``."""
