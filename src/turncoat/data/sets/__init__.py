"""One file per data set: where it is published, its checksums, and how its records become a `Dataset`."""
