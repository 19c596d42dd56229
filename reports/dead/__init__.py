"""Dead units, a part of the page of gradients."""
