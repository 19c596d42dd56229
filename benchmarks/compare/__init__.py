"""``python -m benchmarks compare BASE HEAD``: did this change make anything slower, less exact or larger?

Both revisions are built and measured in one sitting, by processes that take turns. One idea a file:

    revisions   what BASE and HEAD name, exported
    build       an exported revision made into an importable package of its own
    plan        which cases are compared
    worker      the measuring process: one revision, commands in, figures out
    processes   a worker as its parent sees it: launched, asked, given up
    sitting     who measures what and when, until the budget is spent
    judge       what the figures say: a pure function of the record
    store       the journal and the record, with its schema
    show        the record as text and as Markdown
    command     the command line and its exit codes

``docs/comparing.md`` says what to make of it, and how often it is wrong.
"""
