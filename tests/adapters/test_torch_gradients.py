"""What torch modules do beside plain layers, held against torch's own gradients and buffers, or refused."""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from turncoat import Refusal, adapters
from turncoat.jobs.checks import check

torch = pytest.importorskip("torch")
if importlib.util.find_spec("torchax") is None:
    pytest.skip("torchax is not installed", allow_module_level=True)
nn = torch.nn
X, Y = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32), np.arange(40) % 2


class Base(nn.Module):
    """Two layers; what is between them differs."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 2)


class Detached(Base):
    def forward(self, x):
        h = self.a(x)
        return self.b(h.detach() * h)


class WithoutGradients(Base):
    def forward(self, x):
        with torch.no_grad():
            h = self.a(x)
        return self.b(h * self.a(x))


class ChangedInPlace(Base):
    """A buffer that is changed in place where no gradients are computed, and then used."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, x):
        h = self.a(x)
        with torch.no_grad():
            self.mean += h.mean(0)
        return self.b(h - self.mean)


class Assigned(Base):
    """A buffer that is another tensor afterwards."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, x):
        self.mean = 0.9 * self.mean + x.mean(0)
        return self.b(self.a(x))


class Tied(Base):
    def __init__(self):
        super().__init__()
        self.c = nn.Linear(3, 3, bias=False)
        self.c.weight = self.a.weight

    def forward(self, x):
        return self.b(torch.tanh(self.c(torch.tanh(self.a(x)))))


class Frozen(Base):
    def __init__(self):
        super().__init__()
        self.a.requires_grad_(False)

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))


class Spectral(Base):
    def __init__(self):
        super().__init__()
        self.a = nn.utils.parametrizations.spectral_norm(self.a)

    def forward(self, x):
        return self.b(self.a(x))


class Cumulative(Base):
    """Batch norm with the mean of all batches."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3, momentum=None)

    def forward(self, x):
        return self.b(self.norm(self.a(x)))


class Recurrent(Base):
    def __init__(self):
        super().__init__()
        self.gru, self.b = nn.GRU(3, 4, 2, batch_first=True, bidirectional=True), nn.Linear(8, 2)

    def forward(self, x):
        return self.b(self.gru(self.a(x).unsqueeze(1).repeat(1, 3, 1))[0][:, -1])


class Attentive(Base):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(3, 1, batch_first=True)

    def forward(self, x):
        h = self.a(x).unsqueeze(1) * torch.arange(1, 4).reshape(1, 3, 1)
        return self.b(self.attention(h, h, h)[0].mean(1))


CARRIED = [
    Detached, WithoutGradients, ChangedInPlace, Assigned, Tied, Frozen, Spectral, Cumulative, Recurrent, Attentive,
]  # fmt: skip


@pytest.mark.parametrize("kind", CARRIED, ids=lambda kind: kind.__name__)
def test_gradients_and_buffers_are_those_of_torch(kind):
    torch.manual_seed(0)
    model = kind()
    job = adapters.torch(model, optax.sgd(1.0), (X, Y), batch=8, epochs=1)
    before = job.init(jax.random.key(0))
    after = job.step(before, jnp.asarray(X[:8]), job.labelled(Y[:8]), jax.random.key(0))
    nn.functional.cross_entropy(model(torch.tensor(X[:8])), torch.tensor(Y[:8])).backward()
    trained = {name: p.grad.numpy() for name, p in model.named_parameters() if p.requires_grad}
    assert trained.keys() == before["params"].keys()
    for name, gradient in trained.items():
        moved = np.subtract(before["params"][name], after["params"][name])
        np.testing.assert_allclose(moved, gradient, atol=1e-6, err_msg=name)
    for name, buffer in model.named_buffers():
        np.testing.assert_allclose(after["kept"][name], buffer.detach().numpy(), atol=1e-6, err_msg=name)


class Sign(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return torch.sign(x)

    @staticmethod
    def backward(context, gradient):
        return gradient


class StraightThrough(Base):
    def forward(self, x):
        return self.b(Sign.apply(self.a(x)))


class Branches(Base):
    def forward(self, x):
        return self.b(x) if x.sum() > 0 else self.b(-x)


class Instance(Base):
    def __init__(self):
        super().__init__()
        self.norm = nn.InstanceNorm1d(3, track_running_stats=True)

    def forward(self, x):
        return self.b(self.norm(self.a(x)))


REFUSED = {
    StraightThrough: r"uses Sign, a torch\.autograd\.Function, whose own backward pass does not run",
    Branches: "step of job 'Branches' failed with ConcretizationTypeError.* at test_torch_gradients",
    Instance: "InstanceNorm with running statistics, which torchax does not keep",
}


@pytest.mark.parametrize("kind", REFUSED, ids=lambda kind: kind.__name__)
def test_what_cannot_be_carried_is_refused(kind):
    with pytest.raises(Refusal, match=REFUSED[kind]):
        check(adapters.torch(kind, optax.sgd(1.0), (X, Y), batch=8, epochs=1))
