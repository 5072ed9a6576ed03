"""The inputs that every engine gets, and what one step must make of them. NumPy alone.

An archive holds the batch `x` (100, features) and `y` (100, classes), one-hot, and parameters `w0, b0, ...` as
`turncoat.jobs.models` names them, all float32.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bench.peers.party import RATE, Arrays

BATCH = 100
MODELS = {"lr 64-10": (64, 10), "lr 784-10": (784, 10), "mlp 784-128-10": (784, 128, 10)}


def inputs(widths: tuple[int, ...], seed: int = 0) -> Arrays:
    """A random batch and initial parameters: normal, variance 2 / inputs before a ReLU and 1 / inputs else."""
    rng = np.random.default_rng(seed)
    arrays = {"x": rng.random((BATCH, widths[0]))}
    arrays["y"] = np.eye(widths[-1])[rng.integers(0, widths[-1], BATCH)]
    for i, (n, m) in enumerate(pairwise(widths)):
        gain = 1.0 if i == len(widths) - 2 else 2.0
        arrays |= {f"w{i}": rng.normal(size=(n, m)) * np.sqrt(gain / n), f"b{i}": np.zeros(m)}
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def expected(arrays: Arrays) -> Arrays:
    """The parameters after one step in float64: backpropagation of the mean cross entropy of a softmax."""
    x, y, *parameters = (a.astype(np.float64) for a in arrays.values())
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    activations = [x]
    for w, b in layers:
        scores = activations[-1] @ w + b
        activations.append(np.maximum(scores, 0))
    powers = np.exp(scores - scores.max(1, keepdims=True))
    gradient = powers / powers.sum(1, keepdims=True) - y
    new: Arrays = {}
    for i in reversed(range(len(layers))):
        w, b = layers[i]
        new[f"w{i}"] = w - RATE / len(x) * activations[i].T @ gradient
        new[f"b{i}"] = b - RATE / len(x) * gradient.sum(0)
        gradient = (gradient @ w.T) * (activations[i] > 0)
    return new


def deviation(found: Arrays, arrays: Arrays) -> float:
    """The largest difference of any parameter from `expected`."""
    return max(float(np.abs(found[name] - value).max()) for name, value in expected(arrays).items())
