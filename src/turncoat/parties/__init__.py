"""Real parties: processes of existing engines that run a recorded program, and the parent that owns them.

`programs` is what the processes run: plain NumPy and the engine, neither JAX nor the rest of this project.
"""
