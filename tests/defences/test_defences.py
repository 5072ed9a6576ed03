"""A defence as a value: what its words name in a step, what two of them are together, and what is refused."""

import numpy as np
import pytest

import turncoat as tc
from turncoat import defences
from turncoat.defences import Check, Defence, Rule
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal


def surface(**options):
    target = Setup(epochs=1, **options).deployed()
    return target.surface(500)


SURFACES = {"lr": surface(), "mlp": surface(model="mlp", hidden=(8,)), "shared": surface(engine="replicated")}

# defence, model, the sites that are checked at all (a predicate on their names)
NAMED = [
    ("nothing", "lr", lambda n: False),
    ("everything", "mlp", lambda n: True),
    ("matrices", "lr", lambda n: n in ("dense0/product", "dense0/grad_weights")),
    (
        "matrices",
        "mlp",
        lambda n: n.startswith("dense") and n.endswith(("product", "grad_weights", "grad_input")),
    ),
    ("loss", "lr", lambda n: n.startswith("softmax/")),
    ("loss", "mlp", lambda n: n.startswith("softmax/")),
    ("loss", "shared", lambda n: n.startswith("softmax/")),
    ("sampled:alpha=0.5", "mlp", lambda n: True),
    ("checked:sites=relu0/*", "mlp", lambda n: n.startswith("relu0/")),
    ("checked:sites=bit", "mlp", lambda n: "compare" in n),
    ("checked:sites=xor-product", "shared", lambda n: n.rpartition("/")[2].startswith("xor")),
    ("checked:sites=dense0/product+loss", "lr", lambda n: n == "dense0/product" or n.startswith("softmax/")),
]


@pytest.mark.parametrize(("name", "model", "expected"), NAMED)
def test_a_defence_checks_the_sites_that_it_names(name, model, expected):
    policy = defences.get(name).policy(SURFACES[model])
    assert list(policy) == list(SURFACES[model].sites)
    assert {n for n, check in policy.items() if check.share} == {n for n in policy if expected(n)}


def test_every_defence_is_in_the_table_or_is_one_of_its_own():
    named = {part.partition(":")[0] for name, *_ in NAMED for part in name.split("+")}
    measures = {"clip-entries", "clip-norm", "clip-records", "dp-sgd", "shuffle"}
    others = {"sampled-matrices", "recomputed", "screen", "vicinity", "second-run"}
    assert named | measures | others == set(defences.CATALOGUE)


def test_matrices_are_always_checked_where_the_rest_is_sampled():
    both = defences.get("sampled-matrices:alpha=0.25").policy(SURFACES["mlp"])
    assert both["dense0/grad_weights"] == Check(1.0)
    assert both["relu0/select"] == Check(0.25)
    assert defences.get("matrices+sampled:alpha=0.25").policy(SURFACES["mlp"]) == both


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Check(0.1), Check(0.2, "end"), Check(0.2, "end")),
        (Check(1.0, "end"), Check(1.0, "use"), Check(1.0, "use")),
        (Check(0.0), Check(0.3), Check(0.3)),
    ],
)
def test_of_two_checks_the_stronger_counts(one, other, both):
    assert one.beside(other) == other.beside(one) == both


def test_what_a_defence_misses_follows_from_the_messages_at_each_site():
    defence = defences.get("sampled-matrices:alpha=0.25")
    missed = defence.missed(SURFACES["lr"], {"softmax/product": 3, "dense0/grad_weights": 0})
    assert missed == pytest.approx(0.75**3)
    assert defence.missed(SURFACES["lr"], {"dense0/grad_weights": 1}) == defence.soundness == 2.0**-40


def test_deterrence_is_that_of_the_site_that_is_checked_least():
    assert defences.get("everything").deterrence(SURFACES["lr"]) == 1 - 2.0**-40
    assert defences.get("sampled:alpha=0.25").deterrence(SURFACES["lr"]) == pytest.approx(0.25)
    assert defences.get("loss").deterrence(SURFACES["lr"]) == 0


def test_until_the_latest_check_nothing_may_be_opened():
    assert defences.get("loss+matrices:when=end").latest(SURFACES["lr"]) == "end"
    assert defences.get("loss").latest(SURFACES["lr"]) == "step"
    assert defences.get("nothing").latest(SURFACES["lr"]) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("everythin", "no defence 'everythin'; the nearest are 'everything'"),
        ("", "no defence ''"),
        ("loss+", "no defence ''"),
        ("nothing:alpha=1", "has no options"),
        ("sampled:alpah=1", "nearest are 'alpha'"),
        ("sampled:alpha=often", "takes a number, as in sampled:alpha=0.01"),
        ("sampled:alpha=1.5", "from 0 to 1, not 1.5"),
        ("sampled:alpha=nan", "from 0 to 1"),
        ("sampled:when=later", "one of use, step, end, not 'later'"),
    ],
)
def test_what_is_no_defence_is_refused(name, said):
    with pytest.raises(Refusal, match=said):
        defences.get(name)


@pytest.mark.parametrize("sites", ["relu0/*", "softmax/produkt", "gate"])
def test_sites_that_a_step_lacks_are_refused(sites):
    with pytest.raises(Refusal, match="finds no such site in this step; the nearest are"):
        Defence("mine", (Rule(sites, Check()),)).policy(SURFACES["lr"])


def test_a_step_without_a_backward_pass_has_no_loss_activation():
    alone = tc.surface(lambda w, x: x @ w, np.ones((2, 2), np.float32), np.ones((2, 2), np.float32))
    with pytest.raises(Refusal, match="no loss activation"):
        defences.get("loss").policy(alone)
