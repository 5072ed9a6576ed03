"""PyTorch modules through torchax: what runs under the protocol is what torch itself computes."""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from adapters.training import DIGITS, TUMOURS, both, distance
from turncoat import Refusal, adapters
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.leaves import named

torch = pytest.importorskip("torch")
if importlib.util.find_spec("torchax") is None:
    pytest.skip("torchax is not installed", allow_module_level=True)
RUN = {"batch": 32, "epochs": 4}


class Cnn(torch.nn.Module):
    def __init__(self, dropout=0.2):
        super().__init__()
        self.conv, self.norm = torch.nn.Conv2d(1, 6, 3, bias=False), torch.nn.BatchNorm2d(6, momentum=0.2)
        self.drop, self.last = torch.nn.Dropout(dropout), torch.nn.Linear(54, 10)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv(x.unsqueeze(1))))
        return self.last(self.drop(torch.nn.functional.avg_pool2d(h, 2).flatten(1)))


class Lstm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.last = torch.nn.LSTM(8, 16, batch_first=True), torch.nn.Linear(16, 10)

    def forward(self, x):
        return self.last(self.cell(x)[0][:, -1])


class Transformer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.last = torch.nn.Linear(8, 16), torch.nn.Linear(128, 10)
        self.layer = torch.nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)

    def forward(self, x):
        return self.last(self.layer(self.embed(x)).flatten(1))


def mlp(outputs=10):
    layers = [torch.nn.Flatten(), torch.nn.Linear(64 if outputs > 1 else 30, 16), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(16, outputs))


def of_torch(kind, **settings):
    """An optimizer of torch.optim; what it would move does not matter."""
    return kind([torch.nn.Parameter(torch.zeros(1))], **settings)


def job_of(name):
    made = {
        "mlp": lambda: adapters.torch(mlp, of_torch(torch.optim.SGD, lr=0.1, momentum=0.9), DIGITS, **RUN),
        "cnn": lambda: adapters.torch(
            Cnn, of_torch(torch.optim.Adam, lr=0.02), DIGITS, loss=torch.nn.CrossEntropyLoss(), **RUN
        ),
        "lstm": lambda: adapters.torch(Lstm, optax.adam(0.02), DIGITS, **RUN),
        "transformer": lambda: adapters.torch(Transformer, optax.sgd(0.1, momentum=0.9), DIGITS, **RUN),
        "one output": lambda: adapters.torch(
            lambda: mlp(1), optax.sgd(0.3), TUMOURS, loss=torch.nn.BCEWithLogitsLoss(), **RUN
        ),
    }
    return made[name]()


# an accuracy below what the job reaches, how many arrays it keeps beside its parameters, whether its step draws
TABLE = {
    "mlp": (0.8, 0, False),
    "cnn": (0.8, 3, True),
    "lstm": (0.5, 0, False),
    "transformer": (0.7, 0, True),
    "one output": (0.9, 0, False),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_job_trains_under_the_protocol_as_it_does_without(name):
    accuracy, kept, draws = TABLE[name]
    found = both(job_of(name))
    assert distance(found.secured, found.plain) < 1e-5
    assert found.accuracy > accuracy
    assert (distance(found.plain, found.other) > 1e-3) == draws
    leaves = named(found.secured)
    trained = {leaf for leaf in leaves if leaf.startswith("params/")}
    assert len(leaves) - len(trained) == kept and trained <= set(found.surface.outputs)
    last = next(leaf for leaf in trained if leaf.endswith(("last.weight", "3.weight")))
    assert found.surface.shiftable()[last]


OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {"lr": 0.1}),
    "momentum": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    "nesterov": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "adam": (torch.optim.Adam, {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.01}),
    "adamw": (torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_three_steps_are_those_of_torch(name):
    """Parameters and running statistics, from one start; torch itself is the oracle."""
    kind, settings = OPTIMIZERS[name]
    torch.manual_seed(0)
    model = Cnn(dropout=0.0)
    job = adapters.torch(model, of_torch(kind, **settings), DIGITS, **RUN)
    state, step = job.init(jax.random.key(0)), jax.jit(job.step)
    moves = kind(model.parameters(), **settings)
    for i in range(3):
        x, labels = DIGITS.x[i * 32 : i * 32 + 32].reshape(-1, 8, 8), DIGITS.y[i * 32 : i * 32 + 32]
        state = step(state, jnp.asarray(x), job.labelled(labels), jax.random.key(i))
        moves.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            model(torch.tensor(x)), torch.tensor(labels, dtype=torch.long)
        )
        loss.backward()
        moves.step()
    ours = {**state["params"], **state["kept"]}
    assert len(ours) == 8
    for leaf, theirs in [*model.named_parameters(), *model.named_buffers()]:
        np.testing.assert_allclose(ours[leaf], theirs.detach().numpy(), rtol=1e-4, atol=2e-5, err_msg=leaf)
    model.eval()
    scored = job.scores(job.release(state), jnp.asarray(x))
    np.testing.assert_allclose(scored, model(torch.tensor(x)).detach().numpy(), rtol=1e-3, atol=1e-3)


def test_a_start_is_drawn_from_the_key_or_that_of_the_module_given():
    fresh, given = adapters.torch(mlp, optax.sgd(0.1), DIGITS, **RUN), mlp()
    weights = [fresh.init(jax.random.key(k))["params"]["1.weight"] for k in (0, 0, 1)]
    assert distance(*weights[:2]) == 0 < 0.1 < distance(*weights[1:])
    assert float(jnp.max(jnp.abs(weights[0]))) == pytest.approx(
        1 / 8, rel=0.02
    )  # torch's bound for 64 inputs
    fixed = adapters.torch(given, optax.sgd(0.1), DIGITS, **RUN)
    assert fixed.initial == "public"
    assert (
        distance(fixed.init(jax.random.key(3))["params"]["1.weight"], given[1].weight.detach().numpy()) == 0
    )


class Remembers(torch.nn.Module):
    """Keeps its last outputs in an attribute."""

    def __init__(self):
        super().__init__()
        self.last, self.seen = torch.nn.Linear(64, 10), None

    def forward(self, x):
        self.seen = self.last(x.flatten(1))
        return self.seen


def test_a_module_that_keeps_what_it_computes_is_refused():
    job = adapters.torch(Remembers, optax.sgd(0.1), DIGITS, **RUN)
    with pytest.raises(Refusal, match=r"step keeps what it computes in shell.*seen"):
        Deployed.of(job, "exact", "reals").surface(64)


REFUSED = {
    "another optimizer": (of_torch(torch.optim.RMSprop), "RMSprop is none of SGD, Adam and AdamW"),
    "amsgrad": (of_torch(torch.optim.Adam, amsgrad=True), "Adam has amsgrad=True"),
    "groups": (
        torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(2)], lr=0.1),
        "2 groups of parameters",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_optimizers_that_optax_lacks_are_refused(name):
    optimizer, said = REFUSED[name]
    with pytest.raises(Refusal, match=said):
        adapters.torch(mlp, optimizer, DIGITS, **RUN)
