"""What networks are made of here: activations by name, and blocks and networks that take any of them."""
