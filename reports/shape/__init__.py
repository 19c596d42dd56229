"""The page of the shape of the family."""
