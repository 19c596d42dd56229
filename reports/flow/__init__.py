"""Gradient flow, the other part of the page of gradients."""
