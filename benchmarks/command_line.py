"""What the suite's commands have in common: how bad use of one is told."""

from __future__ import annotations

import argparse
import sys
from typing import Final, NoReturn

BAD_USE: Final = 2
"""The exit code of a command that was given what it cannot work with."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, after the usage."""

    def error(self, message: str) -> NoReturn:
        """End the program with :data:`BAD_USE`."""
        self.print_usage(sys.stderr)
        self.exit(BAD_USE, f"error: {message}\n")
