"""The error laboratory: how many bits of every result are wrong, exhaustively where that is possible.

The flow is one way: ``grid -> points -> subject -> truth -> tally -> record``. ``python -m benchmarks error``
runs it (:mod:`benchmarks.error.command`). Nothing here is timed, and no module does work when imported.
"""
