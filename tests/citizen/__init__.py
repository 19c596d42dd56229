"""Torch implementations among the rest of PyTorch, drawn from the registry."""
