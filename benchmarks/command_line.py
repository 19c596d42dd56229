"""What the suite's commands have in common: how bad use of one is told."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final, NoReturn

BAD_USE: Final = 2
"""The exit code of a command that was given what it cannot work with."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, after the usage.

    Options are known by their whole names alone: a record leaves out paths and hosts by the option's name.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """End the program with :data:`BAD_USE`."""
        self.print_usage(sys.stderr)
        self.exit(BAD_USE, f"error: {message}\n")
