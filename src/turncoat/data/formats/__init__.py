"""One file per file format; each reads what it knows and refuses the rest in one sentence."""
