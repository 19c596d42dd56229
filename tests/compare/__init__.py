"""Tests of the comparison of two revisions: statistics, processes, the command, planted faults."""
