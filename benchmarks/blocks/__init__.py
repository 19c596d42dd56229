"""Real layers with every activation in them: what a step costs, and how much of it is the activation.

``python -m benchmarks blocks``. The layers are in :mod:`benchmarks.models.blocks`. Read in this order:
:mod:`.settings` (what is raced, and who takes part), :mod:`.participants` (what is timed), :mod:`.truth`
(what is right), :mod:`.races` and :mod:`.counts` (how it is measured), :mod:`.entries` (what is kept),
:mod:`.readings` (what it says), :mod:`.command`.
"""
