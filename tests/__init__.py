"""The tests: one file a module, and ``conformance``, which every implementation must pass."""
