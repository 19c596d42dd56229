"""The page that weighs all studies, the claims, and the advice."""
