"""Benchmarks: commands, never timed tests; ratios of medians, measured interleaved in one run."""
