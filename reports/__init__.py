"""The offline report: stored files in, a site out. ``python -m reports build``.

``load`` and ``history`` read stored files into records, checked field by field; ``tables`` says what the
tables and the headline tell, ``figures`` what the figures show; ``build`` makes pages of both.
"""
