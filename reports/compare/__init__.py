"""The page of comparisons: verdicts, and any two commits."""
