"""What every study shares: a record that is kept whole, goes on where it stopped, and is read with distrust.

A study is one row (:class:`Study`): its name and the kinds of entries that it keeps. :class:`Run` writes a
record while things are measured; :func:`read` reads one back.
"""

from benchmarks.study.reading import StudyRecord, read
from benchmarks.study.row import Study
from benchmarks.study.run import Run, folder_of

__all__ = ["Run", "Study", "StudyRecord", "folder_of", "read"]
