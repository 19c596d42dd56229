"""The page of the training ablation."""
