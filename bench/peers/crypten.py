"""One CrypTen party: `MPCTensor` operations over gloo on the loopback interface, triples by party 0 (its default).

The step is written out, without CrypTen's autograd; a ReLU and its derivative are one comparison and two
products, as in its `AutogradReLU` (crypten/gradients.py). Bytes are those of its communicator's own count, which
adds what a party sends and what it receives (crypten/communicator/communicator.py, `_logging`).
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any

from bench.peers import party


def imported_crypten() -> Any:
    """CrypTen without its ONNX converter, which current PyTorch cannot import and a step does not need."""
    converter = ModuleType("crypten.nn.onnx_converter")
    for name in ("from_onnx", "from_pytorch", "from_tensorflow", "TF_AND_TF2ONNX"):
        setattr(converter, name, None)
    sys.modules[converter.__name__] = converter
    import crypten

    return crypten


def step(x: Any, y: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    """One step of gradient descent on the mean cross entropy; every argument is shared."""
    inputs, masks = [x], []
    last = len(parameters) // 2 - 1
    for i in range(last + 1):
        scores = inputs[-1].matmul(parameters[f"w{i}"]) + parameters[f"b{i}"]
        if i < last:
            masks.append(scores.gt(0))
            inputs.append(scores.mul(masks[-1]))
    gradient = scores.softmax(1) - y
    rate, new = party.RATE / x.size(0), {}
    for i in reversed(range(last + 1)):
        new[f"w{i}"] = parameters[f"w{i}"] - inputs[i].t().matmul(gradient).mul(rate)
        new[f"b{i}"] = parameters[f"b{i}"] - gradient.sum(0).mul(rate)
        if i:
            gradient = gradient.matmul(parameters[f"w{i}"].t()).mul(masks[i - 1])
    return new


def main() -> None:
    given = party.arguments()
    os.environ |= {
        "WORLD_SIZE": str(given.parties),
        "RANK": str(given.rank),
        "DISTRIBUTED_BACKEND": "gloo",
        "RENDEZVOUS": f"file://{given.directory / 'rendezvous'}",
        "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo",
    }
    crypten = imported_crypten()
    import torch

    crypten.init()
    imported, communicator = party.peak_mib(), crypten.communicator.get()
    x, y, parameters = party.read(given.directory)
    with crypten.no_grad():
        shared = [crypten.cryptensor(torch.from_numpy(a), src=0) for a in (x, y, *parameters.values())]
        call = (shared[0], shared[1], dict(zip(parameters, shared[2:], strict=True)))
        times = party.timed(lambda: step(*call), communicator.barrier, given.repetitions)
        with crypten.cfg.temp_override({"communicator.verbose": True}):
            communicator.reset_communication_stats()
            new = step(*call)
            counted = communicator.get_communication_stats()["bytes"] / 2
        revealed = {name: value.get_plain_text().numpy() for name, value in new.items()}
    version = f"crypten {crypten.__version__}, torch {torch.__version__}"
    party.report(
        given, revealed if given.rank == 0 else None, times=times, imported_mib=imported,
        sent_bytes=counted, version=version,
    )  # fmt: skip
    crypten.uninit()


if __name__ == "__main__":
    main()
