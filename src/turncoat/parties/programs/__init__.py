"""What a party's process runs: `on_mpyc`, `on_crypten`, `on_spu` and `on_mp_spdz` are started by their paths.

Their folder is then where Python looks for modules first, so they import the others here by their bare names, and
need NumPy and their engine alone. `tape`, `interpreter` and `plain` import none of the others: this project uses them
too.
"""
