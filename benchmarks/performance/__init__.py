"""How fast, against stated targets: races, layers, cold starts and counts, kept in one record.

Read in this order: :mod:`.targets` (what is promised), :mod:`.settings` (what is raced), :mod:`.contestants`
(who takes part), :mod:`.races`, :mod:`.layers`, :mod:`.starts` and :mod:`.counts` (how each is measured),
:mod:`.entries` (what is kept), :mod:`.record` (where), :mod:`.verdicts` (what it says), :mod:`.command`.
"""
