"""Results as a run would leave them, with numbers made up near the paper's; for tests alone."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from turncoat.metrics import clopper_pearson, mean_interval, paired_difference
from turncoat.results.audit import AuditResult, Honest, Remedy, SiteRow, Unrun
from turncoat.results.comparing import compared
from turncoat.results.comparison import Comparison
from turncoat.results.confirmation import Among, Confirmation, Ending, Seen
from turncoat.results.design import Cost, Design, Held, Unmade, Way
from turncoat.results.detection import Detection
from turncoat.results.matrix import Adaptive, Cell, Matrix, Priced, Row
from turncoat.results.reproduction import Reproduction, Reproductions, not_run
from turncoat.results.reproduction import Row as Reproduced
from turncoat.results.result import Noticed, Outcome, Paper, Result
from turncoat.results.values import Curve, Measured

CREATED = datetime(2025, 3, 14, 9, 26, 53, tzinfo=UTC)
VERSIONS = {"python": "3.11.7", "jax": "0.10.2", "numpy": "2.4.6", "turncoat": "0.1.0"}


CURVES = {
    "success by errors": Curve(
        x=(1, 2, 8, 512), y=(0, 0.5, 1, 1), x_label="number of errors", y_label="success"
    ),
    "ROC (honest)": Curve(x=(0, 0.5, 1), y=(0, 0.5, 1), x_label="false positives", y_label="true positives"),
    "ROC (attacked)": Curve(
        x=(0, 1e-3, 1), y=(0, 0.9, 1), x_label="false positives", y_label="true positives"
    ),
}


def result(**changes: Any) -> Result:
    """The backdoor attack of the paper's Table 3a."""
    trials = changes.get("trials", 10)
    draw = np.random.default_rng(3)
    honest = 0.838 + 0.003 * draw.standard_normal(trials)
    attacked = honest - 0.008 + 0.001 * draw.standard_normal(trials)
    before = np.abs(0.004 + 0.001 * draw.standard_normal(trials))
    after = 1 - np.abs(0.0006 * draw.standard_normal(trials))
    fields: dict[str, Any] = {
        "attack": "backdoor",
        "harm": "backdoor",
        "goal": "Every input of class 0 whose first feature is set to 1 is classified as class 1.",
        "data": "fmnist",
        "data_label": "Fashion-MNIST",
        "model": "lr",
        "protocol": "crypten",
        "engine": "reals",
        "trials": trials,
        "errors": 2000,
        "honest": outcome(honest, before),
        "attacked": outcome(attacked, after),
        "seconds": 41.6,
        "accuracy_change": Measured.of(paired_difference(honest, attacked, bounds=(-1, 1))),
        "gain": Measured.of(paired_difference(before, after, bounds=(-1, 1))),
        "bar": "the attack success rate rises by more than 10 points over the honest run's",
        "reached": True,
        "noticed": noticed(0.11, 0.14),
        "majority": 0.1,
        "given": {"data": "fmnist", "model": "lr", "protocol": "crypten", "strength": 0.03},
        "defaults": {"epochs": 10, "batch": 100, "learning_rate": 0.1, "clip": None},
        "seed": 0,
        "seeds": tuple(range(trials)),
        "versions": VERSIONS,
        "per_trial": {
            "honest_accuracy": honest,
            "attacked_accuracy": attacked,
            "honest_success": before,
            "attacked_success": after,
            "errors": [2000] * trials,
        },
        "paper": Paper(
            table="Table 3a",
            honest_accuracy=0.84,
            honest_success=0.004,
            attacked_accuracy=0.83,
            attacked_success=0.9996,
        ),
        "created": CREATED,
        "command": "turncoat attack backdoor --data fmnist --model lr --protocol crypten --set strength=0.03",
        "threat": {
            "own data from the same distribution": True,
            "public hyper-parameters": True,
            "order of the training data": False,
        },
    }
    return Result(**fields | changes)


def reconstruction() -> Result:
    """A loud attack with a measure of its own and no published accuracy, on stand-in data."""
    like = result()
    found = np.array([1, 1, 1, 0, 1, 1, 1, 1, 1, 1])
    ruined = 0.1 + 0.01 * np.random.default_rng(4).standard_normal(10)
    return result(
        attack="reconstruct",
        harm="reconstruction",
        goal="The released model contains one training record, which the corrupt party reads off.",
        data="purchase",
        data_label="Purchase-100 (synthetic stand-in)",
        errors=1,
        honest=Outcome(accuracy=like.honest.accuracy, success=Measured.of(clopper_pearson(0, 10))),
        attacked=Outcome(
            accuracy=Measured.of(mean_interval(ruined)),
            success=Measured.of(clopper_pearson(9, 10)),
            mean_absolute_error=Measured(mean=0.0172, low=0.0121, high=0.0224, count=10),
        ),
        accuracy_change=None,
        gain=Measured.of(paired_difference(np.zeros(10), found, bounds=(-1, 1))),
        bar="at least one record is read",
        noticed=noticed(1.0, 1.0),
        reached=True,
        success_name="share of records reconstructed",
        paper=None,
        per_trial={
            "honest_accuracy": like.per_trial["honest_accuracy"],
            "attacked_accuracy": ruined,
            "honest_success": [0] * 10,
            "attacked_success": found,
            "errors": [1] * 10,
        },
        threat={"own data from the same distribution": False, "order of the training data": "only to choose"},
        notes=("The released model is useless, so this attack cannot stay hidden",),
        given={"data": "purchase"},
        defaults={"scale": 10000, "epochs": 10},
        command="turncoat attack reconstruct --data purchase",
    )


def outcome(accuracy: np.ndarray, success: np.ndarray) -> Outcome:
    return Outcome(
        accuracy=Measured.of(mean_interval(accuracy, bounds=(0, 1))),
        success=Measured.of(mean_interval(success, bounds=(0, 1))),
    )


def noticed(mean: float, high: float) -> Noticed:
    """A check of accuracy on 10,000 test records, unpaired and paired alike."""
    probability = Measured(mean=mean, low=0.05, high=high, count=10)
    return Noticed(unpaired=probability, paired=probability, records=10_000)


def sites() -> tuple[SiteRow, ...]:
    """The sites of a multilayer perceptron's step, as the surface lists them."""
    return (
        site("dense0/matmul", (100, 100), 7_840_000, "forward", {"w0": "scaled(x)", "b0": "bent"}),
        site(
            "dense0/relu/compare",
            (100, 100),
            10_000,
            "forward",
            {"w0": "bent", "b0": "bent"},
            kind="comparison",
        ),
        site("softmax/div#2/recip/newton3", (100, 1), 100, "forward", {"w1": "bent"}, loops=(10,)),
        site("dense0/back/relu_select", (100, 100), 10_000, "backward", {"b0": "shift", "w0": "scaled(x)"}),
        site("dense0/grad_weights", (784, 100), 7_840_000, "backward", {"w0": "shift"}),
        site("dense1/grad_weights", (100, 10), 100_000, "backward", {"w1": "shift"}),
        site(
            "loss/max[batch]/eq",
            (),
            100,
            "backward",
            {},
            kind="comparison",
            hint="the gradient of jnp.max costs a division by the number of ties; jax.nn.relu does not",
        ),
    )


def site(name, shape, products, phase, exposure, kind="product", loops=(), hint=None) -> SiteRow:
    return SiteRow(
        name=name,
        kind=kind,
        shape=shape,
        products=products,
        phase=phase,
        exposure=exposure,
        loops=loops,
        hint=hint,
    )


def audit(**changes: Any) -> AuditResult:
    """An audit that found the job broken."""
    fields: dict[str, Any] = {
        "verdict": "One corrupt party plants a backdoor that works on 99.9% of triggered inputs, and test "
        "accuracy falls by less than one point: passive security is not enough for this job.",
        "severity": "broken",
        "reasons": (
            "The gradient of every weight matrix is the result of one interactive product, so one party can "
            "add to it what it likes.",
            "The change in test accuracy is smaller than the spread between seeds, so nobody would notice.",
        ),
        "next_steps": (
            "Check the two gradient products with an information-theoretic MAC: this stops the backdoor and "
            "costs 2.1 times the multiplications.",
            "Confirm with real parties: `turncoat confirm backdoor --engine mpyc`",
        ),
        "data": "fmnist",
        "data_label": "Fashion-MNIST",
        "model": "mlp",
        "protocol": "crypten",
        "engine": "reals",
        "seconds": 214.0,
        "results": (result(), reconstruction()),
        "unrun": (
            Unrun(attack="membership", harm="membership", why="scores are not opened."),
            Unrun(
                attack="fairness", harm="fairness", why="failed unexpectedly with KeyError: 3.", failed=True
            ),
        ),
        "remedies": (
            Remedy(
                harm="backdoor",
                attacks=("backdoor",),
                sites=("dense1/grad_weights",),
                of=47,
                defence="checked:sites=dense1/grad_weights",
                prices="MP-SPDZ, SPDZ-wise replicated, three parties",
                remark="CrypTen has no actively secure protocol",
                share=0.058,
                factor=1.12,
                everything=2.99,
                found=1 - 2.0**-40,
                deterrence=0.0,
                suspects=2,
            ),
        ),
        "surface": sites(),
        "shiftable": {
            "w0": ("dense0/grad_weights",),
            "b0": (),
            "w1": ("dense1/grad_weights",),
            "b1": (),
        },
        "versions": VERSIONS,
        "command": "turncoat audit --data fmnist --model mlp --protocol crypten",
        "created": CREATED,
    }
    return AuditResult(**fields | changes)


def confirmation(**changes: Any) -> Confirmation:
    """The sparse backdoor among three processes of MPyC."""
    seen = tuple(Seen(party=i, exit_code=0, printed="", messages=812, sent_bytes=1_234_567) for i in range(3))
    run = Among(
        deviation=1.2e-5,
        allowed=4e-4,
        seconds=(4.1, 4.0, 4.2),
        processor=(9.0, 9.1, 9.2),
        whole_seconds=21.0,
        peak_mib=(56.0, 57.0, 58.0),
        seen=seen,
    )
    fields: dict[str, Any] = {
        "result": result(attack="sparse-backdoor", errors=2),
        "engine": "mpyc",
        "version": "MPyC 0.11",
        "sharing": "Shamir's secret sharing in a prime field",
        "where": "its share of a product",
        "parties": 3,
        "corrupt": 2,
        "precision": 16,
        "tape": "0123456789abcdef" * 4,
        "steps": 4,
        "operations": 468,
        "interactive": 40,
        "tampered": 2,
        "sites": ("dense0/grad_weights",),
        "effect": 0.98,
        "active": tuple(
            Ending(
                protocol="every product proved",
                corrupt=i,
                aborted=True,
                honest=True,
                said=f"party {i}'s proof failed",
            )
            for i in range(3)
        ),
        "honest": run,
        "attacked": run,
        "predicted_change": (0.0, 0.5, -0.98),
        "revealed_change": (0.0, 0.5, -0.98),
        "command": "turncoat confirm sparse-backdoor --engine mpyc",
        "created": CREATED,
    }
    return Confirmation(**fields | changes)


def again(name: str, attacked: Result) -> dict[str, Any]:
    """An attack planned again: against `loss` it reaches its goal, against `matrices` there is no way in."""
    known = Adaptive(
        attack=name,
        how="all in the last step, the 2 largest errors",
        honest=measured(0.0),
        success=measured(0.98),
        detected=measured(0.02),
        accuracy_change=attacked.gain,
        messages=2,
        tried=5,
        reached=True,
    )
    return {"adaptive": {"loss": known}, "closed": {"matrices": "no site is left"}}


def matrix(adaptive: bool = True, **changes: Any) -> Matrix:
    """Two attacks against two defences, one of which leaves one of them no way in."""
    attacked = result()
    cell = Cell(detected=measured(1.0), success=measured(0.004))
    rows = [
        Row(
            attack=name,
            goal=attacked.goal,
            success_name="attack success rate",
            honest=attacked.honest.success,
            passive=attacked.attacked.success,
            messages=2000,
            sites=("dense0/grad_weights",),
            cells={"matrices": cell} if name == "backdoor" else {"matrices": cell, "loss": cell},
            unable={"loss": "no site is left"} if name == "backdoor" else {},
            **again(name, attacked) if adaptive else {},
        )
        for name in ("backdoor", "deposit")
    ]
    prices = [
        Priced(
            defence=name,
            sites=3,
            deterrence=0.5,
            accuracy=attacked.honest.accuracy,
            factor=1.4,
            rounds=1.2,
            time=3.5,
            looked_at=0.5,
        )
        for name in ("matrices", "loss")
    ]
    fields: dict[str, Any] = {
        "data": "fmnist",
        "data_label": "Fashion-MNIST",
        "model": "lr",
        "protocol": "crypten",
        "engine": "reals",
        "trials": 10,
        "seed": 0,
        "honest": Honest(accuracy=attacked.honest.accuracy, majority=0.1),
        "defences": tuple(prices),
        "rows": tuple(rows),
        "refused": {"fairness": "the data have no contributors"},
        "seconds": 12.0,
        "versions": VERSIONS,
        "command": "turncoat defend",
        "created": CREATED,
    }
    return Matrix(**fields | changes)


def measured(mean: float) -> Measured:
    """A share with some interval."""
    return Measured(mean=mean, low=mean, high=mean, count=10, confidence=0.95, how="made up")


def design(**changes: Any) -> Design:
    """One site of three, for a backdoor; a search failed against it, and one attack was never run."""
    attacked = result()
    before, after = attacked.honest.success, attacked.attacked.success
    of_backdoor: dict[str, Any] = {"harm": "backdoor", "honest": before}
    search = {
        "attack": "search",
        "settings": {"minutes": 1.0},
        "bar": attacked.bar,
        "seconds": 61.0,
        "trials": 5,
    }
    cost = {"design": 34_560, "everything": 594_648, "least": 34_560, "passive": 298_680}
    fields: dict[str, Any] = {
        "data": "fmnist",
        "data_label": "Fashion-MNIST",
        "model": "lr",
        "protocol": "crypten",
        "engine": "reals",
        "trials": 5,
        "minutes": 1.0,
        "seed": 0,
        "honest": Honest(accuracy=attacked.honest.accuracy, majority=0.1),
        "threats": ("backdoor", "fairness"),
        "defence": "checked:sites=dense0/grad_weights",
        "checked": ("dense0/grad_weights",),
        "unchecked": ("dense0/product", "softmax"),
        "untouched": ("softmax",),
        "ways": (
            Way(
                attack="backdoor", sites=("dense0/grad_weights",), messages=2000, success=after, **of_backdoor
            ),
        ),
        "lone": {"dense0/grad_weights": (0,)},
        "held": (Held(sites=("dense0/product",), success=measured(0.01), **search, **of_backdoor),),
        "unmade": (
            Unmade(attack="fairness", harm="fairness", why="the data have no contributors."),
            Unmade(attack="targeted", harm="targeted", why="no site shifts w0 alone.", closed=True),
        ),
        "costs": (Cost(framework="sy-rep-ring", about="MP-SPDZ, three parties", unit="bytes", **cost),),
        "exact": 34_560,
        "greedy": 34_560,
        "least": {"backdoor": 34_560},
        "rounds": 2,
        "attempts": 9,
        "seconds": 75.0,
        "deterrence": 0.0,
        "notes": ("2 sites of shares are not designed for.",),
        "versions": VERSIONS,
        "command": "turncoat design-defence",
        "created": CREATED,
    }
    return Design(**fields | changes)


def detection() -> Detection:
    """What 1,500,000 errors and a share of 2e-9 give."""
    of_errors = {"missing": 2.0**-40, "alpha_needed": 1.85e-5}
    return Detection(errors=1_500_000, alpha=2e-9, soundness=0, detected=0.003, missed=0.997, caught=0.05,
                     errors_afforded=25_646_647, created=CREATED, **of_errors)  # fmt: skip


def reproduction() -> Reproduction:
    """A table of the paper with a row of ours and one that was not run."""
    high = Measured(mean=0.98, low=0.95, high=1.0, count=5)
    row = Reproduced(
        name="digits lr", data="digits", model="lr", paper={"ASR": 0.99}, ours={"ASR": high},
        marks={"ASR": "reached"}, mark="reached", trials=5, errors=2, command="turncoat attack backdoor",
    )  # fmt: skip
    missing = not_run("texas", "Texas-100", "lr", {"ASR": 1.0}, "its file is not here")
    told = {"title": "backdoors", "notes": ("one note",), "created": CREATED}
    return Reproduction(table="Table 3", rows=(row, missing), **told)


def reproductions() -> Reproductions:
    """Two tables of the paper, run quickly."""
    other = reproduction().model_copy(update={"table": "Figure 2", "title": "reconstruction"})
    return Reproductions(tables=(reproduction(), other), quick=True, seconds=90, command="turncoat reproduce all",
                         created=CREATED)  # fmt: skip


def comparison() -> Comparison:
    """The audit before and after another protocol."""
    return compared(audit(), audit(protocol="spu", severity="exposed")).model_copy(
        update={"created": CREATED}
    )
