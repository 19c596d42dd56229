"""The training ablation: the same small models trained with every activation, over seeds, with uncertainty.

``python -m benchmarks train``. See :mod:`benchmarks.train.recipes` for what is trained and how.
"""
