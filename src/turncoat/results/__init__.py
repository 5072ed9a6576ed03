"""What a run leaves: typed, serialisable values, and the paper's published numbers beside which they stand."""
