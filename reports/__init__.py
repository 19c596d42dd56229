"""The offline report: stored files in, a site out. ``python -m reports build``.

``load`` and ``history`` read stored files into records, checked field by field; ``tables`` says what the
tables and the headline tell, ``figures`` what the figures show; ``build`` makes pages of both. The error
laboratory's records go the same way: ``error_load`` into ``labs``, then ``error_tables``, ``heat`` and
``error_figures``, on a page of their own (``error_sections``).
"""
