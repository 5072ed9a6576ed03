"""One SPU party: `--engine ABY3` or `SEMI2K` over FM64 with 18 bits, its link over loopback TCP.

The step is a JAX function that SPU's frontend compiles. Party 0 makes all shares and sends each party its own;
shares stay shared between steps. Bytes are the link's own count of what a party sent, from the profile that the
runtime logs (src/libspu/device/api.cc, `printProfilingData`), taken in a step that is not timed.
"""

from __future__ import annotations

import argparse
import base64
import pickle
import re
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import spu
from spu import libspu
from spu.utils import frontend

from bench.peers import party

SENT = re.compile(r"Link details: total send bytes (\d+)")


def step(x: Any, y: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    """One step of gradient descent on the mean cross entropy."""
    inputs, masks = [x], []
    last = len(parameters) // 2 - 1
    for i in range(last + 1):
        scores = inputs[-1] @ parameters[f"w{i}"] + parameters[f"b{i}"]
        if i < last:
            masks.append(scores > 0)
            inputs.append(jnp.where(masks[-1], scores, 0.0))
    powers = jnp.exp(scores - jnp.max(scores, 1, keepdims=True))
    gradient = powers / jnp.sum(powers, 1, keepdims=True) - y
    rate, new = party.RATE / x.shape[0], {}
    for i in reversed(range(last + 1)):
        new[f"w{i}"] = parameters[f"w{i}"] - rate * (inputs[i].T @ gradient)
        new[f"b{i}"] = parameters[f"b{i}"] - rate * jnp.sum(gradient, 0)
        if i:
            gradient = jnp.where(masks[i - 1], gradient @ parameters[f"w{i}"].T, 0.0)
    return new


def connected(given: argparse.Namespace) -> Any:
    description = libspu.link.Desc()
    description.connect_retry_times = 60  # seconds: the others may still be importing
    for rank, port in enumerate(given.ports.split(",")):
        description.add_party(f"party{rank}", f"127.0.0.1:{port}")
    return libspu.link.create_brpc(description, given.rank)


def log_to(path: str) -> None:
    options = libspu.logging.LogOptions()
    options.enable_console_logger, options.system_log_path = False, path
    libspu.logging.setup_logging(options)


def packed(share: Any) -> str:  # the link takes strings
    return base64.b64encode(pickle.dumps(share)).decode()


def unpacked(text: str) -> Any:  # of this command's own processes alone
    return pickle.loads(base64.b64decode(text))


def compiled(arguments: tuple) -> Any:
    """SPU's program of the step; its inputs and outputs are the flattened arguments and results."""
    count = len(jax.tree.leaves(arguments))
    return frontend.compile(
        frontend.Kind.JAX, step, arguments, {}, [f"in{i}" for i in range(count)],
        [libspu.Visibility.VIS_SECRET] * count, lambda out: [f"out{i}" for i in range(len(out))],
    )[0]  # fmt: skip


def dealt(link: Any, io: Any, arrays: list[np.ndarray]) -> list[Any]:
    """This party's share of each array; party 0 makes them all."""
    secret = libspu.Visibility.VIS_SECRET
    made = [io.make_shares(np.asarray(a), secret) if link.rank == 0 else [] for a in arrays]
    return [unpacked(link.scatter([packed(s) for s in shares], 0)) for shares in made]


def loaded(link: Any, config: Any, executable: Any, shares: list[Any], profiled: bool) -> Any:
    """A runtime that holds the inputs."""
    chosen = libspu.RuntimeConfig(config)
    chosen.enable_pphlo_profile = profiled
    machine = spu.Runtime(link, chosen)
    for name, share in zip(executable.input_names, shares, strict=True):
        machine.set_var(name, share)
    return machine


def main() -> None:
    given, imported = party.arguments(), party.peak_mib()
    log = given.directory / f"spu{given.rank}.log"
    log_to(str(log))
    link = connected(given)
    config = libspu.RuntimeConfig(
        protocol=getattr(libspu.ProtocolKind, given.engine), field=libspu.FieldType.FM64, fxp_fraction_bits=18
    )
    io, arguments = spu.Io(given.parties, config), party.read(given.directory)
    executable, shares = compiled(arguments), dealt(link, io, jax.tree.leaves(arguments))
    machine = loaded(link, config, executable, shares, profiled=False)
    times = party.timed(lambda: machine.run(executable), link.barrier, given.repetitions)
    out = [link.gather(packed(machine.get_var(name)), 0) for name in executable.output_names]
    loaded(link, config, executable, shares, profiled=True).run(executable)
    link.stop_link()
    revealed = None
    if given.rank == 0:
        values = [io.reconstruct([unpacked(s) for s in parts]) for parts in out]
        revealed = dict(zip(sorted(arguments[2]), values, strict=True))
    party.report(
        given, revealed, times=times, imported_mib=imported, sent_bytes=int(SENT.findall(log.read_text())[-1]),
        version=f"spu {version('spu')}, jax {jax.__version__}",
    )  # fmt: skip


if __name__ == "__main__":
    main()
