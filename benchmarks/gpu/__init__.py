"""Everything that waits for an NVIDIA GPU, behind one command: ``python -m benchmarks gpu``, or ``make gpu``.

Read in this order: :mod:`.phases` (what is done, one row a phase), :mod:`.jobs` (how a phase's programs run),
:mod:`.record` (what is kept), :mod:`.command`. :mod:`.device`, :mod:`.every_input` and :mod:`.profile` are
programs of phases of their own; the other phases run the project's usual ones.
"""
