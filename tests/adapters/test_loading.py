"""Adapters load nothing that is not used, and say in a sentence what is missing."""

import subprocess
import sys

import pytest

from turncoat import Refusal, adapters


def test_no_framework_is_loaded_unless_used():
    code = (
        "import sys, turncoat as tc; dir(tc.adapters);"
        "found = {'flax', 'equinox', 'haiku', 'keras', 'torch', 'torchax', 'optax'} & set(sys.modules);"
        "assert not found, found"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "missing", "said"),
    [
        ("linen", "flax", "flax is not installed: pip install flax"),
        ("nnx", "flax", "flax is not installed: pip install flax"),
        ("equinox", "equinox", "equinox is not installed: pip install equinox"),
        ("haiku", "haiku", "haiku is not installed: pip install dm-haiku"),
        ("keras", "keras", "keras is not installed: pip install keras"),
        ("torch", "torch", "torch is not installed: pip install torch"),
    ],
)
def test_a_package_that_is_not_installed_is_named(monkeypatch, name, missing, said):
    for module in [m for m in sys.modules if m.startswith("turncoat.adapters.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(vars(adapters), name, raising=False)
    monkeypatch.setitem(sys.modules, missing, None)  # what Python takes for a module that is not there
    with pytest.raises(Refusal) as refused:
        getattr(adapters, name)
    assert str(refused.value) == said


def test_an_unknown_adapter_is_an_attribute_error():
    assert not hasattr(adapters, "mxnet")
