"""Data to train on: what ships inside packages, and loaders for files that the user has.

Nothing is downloaded. :func:`digits` and :func:`breast_cancer` come inside scikit-learn, :func:`characters`
is text inside Python itself; :func:`mnist`, :func:`cifar10`, :func:`cifar100` and :func:`tokens` read a
folder, and say what is missing or wrong in it (:class:`DataError`) before anything is trained.
"""

from benchmarks.datasets.bundled import breast_cancer, digits
from benchmarks.datasets.files import DataError
from benchmarks.datasets.images import cifar10, cifar100, mnist
from benchmarks.datasets.sets import Split, Text
from benchmarks.datasets.tokens import tokens
from benchmarks.datasets.topics import characters

__all__ = [
    "DataError",
    "Split",
    "Text",
    "breast_cancer",
    "characters",
    "cifar10",
    "cifar100",
    "digits",
    "mnist",
    "tokens",
]
