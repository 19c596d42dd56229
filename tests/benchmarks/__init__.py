"""The measuring harness, tested like the product: faults are planted, and every one must be caught."""
