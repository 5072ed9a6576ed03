"""Experiments: attacks run on training jobs, honest beside attacked from the same keys."""
