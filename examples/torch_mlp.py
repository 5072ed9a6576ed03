"""A PyTorch module with its optimizer of torch.optim; it runs on JAX by torchax (`pip install turncoat[torch]`).

python examples/torch_mlp.py                # audits it under SPU's circuits, in some minutes
cd examples && turncoat audit torch_mlp:job --protocol spu
"""

import torch

import turncoat as tc


class Mlp(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Linear(64, 64)
        self.norm = torch.nn.BatchNorm1d(64)
        self.out = torch.nn.Linear(64, 10)

    def forward(self, x):
        return self.out(torch.relu(self.norm(self.hidden(x.flatten(1)))))


def job(epochs: int = 10) -> tc.Job:
    optimizer = torch.optim.SGD(Mlp().parameters(), lr=0.05, momentum=0.9)  # its settings are taken
    loss = torch.nn.CrossEntropyLoss()
    return tc.adapters.torch(Mlp, optimizer, "digits", loss=loss, batch=32, epochs=epochs, name="torch-mlp")


if __name__ == "__main__":
    found = tc.audit(job(), protocol="spu")
    print(found.severity.upper(), found.verdict, *found.reasons, sep="\n")
