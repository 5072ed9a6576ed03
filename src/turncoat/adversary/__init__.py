"""The adversary: what one corrupt party may know, and what it computes beforehand on its own."""
