"""One training step on our engines and on other engines: `python -m bench.peers`.

`__main__` measures and prints; `inputs` is what every engine gets and must make of it; `parties` starts processes
and ends them; `party` is what each of them does whatever its engine. `ours`, `crypten` and `spu` are one process
each, run by the interpreter that has the engine; the last two import nothing of this project but `party`.
"""
