"""``python -m benchmarks flow``: what depth does to signals and gradients before anything is learned."""
