"""The performance page: targets, where time goes, crossover, cold start."""
