"""The history page: results of asv, the steps in them, the feed."""
