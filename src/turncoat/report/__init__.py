"""Results as tables, pages and pictures; recomputes nothing and imports no JAX."""
