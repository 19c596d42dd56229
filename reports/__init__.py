"""The offline report: stored files in, a site out. ``python -m reports build``.

``load`` reads stored files into records, checked field by field; each page that has more than one module is a
folder: its ``sections`` say what the page shows, its ``tables`` and ``figures`` how. ``pages`` lists them,
``kinds`` the kinds of stored files, and ``build`` makes the site of both.
"""
