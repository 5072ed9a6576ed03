"""The engine of docs/adding_an_engine.md, put together from the page: it does what the page says."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from conformance.runs import CASES, TAMPERED, Case, Runs, runs, with_every_site
from turncoat.core.engine import Traced

GUIDE = Path(__file__).parents[2] / "docs" / "adding_an_engine.md"


def rounded():
    """The class `Rounded` of the page: its code blocks up to section 4, one after the other."""
    text = GUIDE.read_text().partition("\n## 4.")[0]
    names = {"jax": jax, "jnp": jnp, "Traced": Traced}
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, re.S)), names)
    return names["Rounded"]


@pytest.mark.parametrize(
    "case", [c for c in TAMPERED if c.program.name in ("svm", "recurrent-relu")], ids=repr
)
def test_it_agrees_with_reals_at_every_site(case: Case):
    with jax.enable_x64(True):
        ours, theirs = Runs("reals", case), runs("reals", case)
        ours.secured = ours.on(with_every_site(rounded()(26)))
        assert list(ours.surface.sites) == list(theirs.surface.sites)
        for a, b in zip([ours.honest, *ours.tampered], [theirs.honest, *theirs.tampered], strict=True):
            for x, y in zip([*a.out, *a.seen.values()], [*b.out, *b.seen.values()], strict=True):
                np.testing.assert_allclose(x, y, rtol=0, atol=0 if a is ours.honest else 1e-6)


def test_what_it_leaves_out_is_refused_in_a_sentence():
    (case,) = (c for c in CASES if c.program.name == "lr")
    for protocol, says in (("exact", "has no ideal softmax"), ("mp-spdz", "cannot decompose a number")):
        step = tc.secure(case.program.f, protocol=protocol, engine=rounded()())
        with pytest.raises(tc.Refusal, match=f"engine 'rounded' {says}"):
            step(*case.program.args(np.float32))
