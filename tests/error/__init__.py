"""Tests of the error laboratory."""
