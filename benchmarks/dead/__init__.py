"""``python -m benchmarks dead``: how many hidden units lose their gradient while a network is trained."""
