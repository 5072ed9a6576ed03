"""Membership scores as interchangeable functions on arrays: high means that a record was trained on.

Every family takes the same `Signals` and returns one score for each candidate. A signal is the log-odds
phi = log(p / (1 - p)) of the class in question (Carlini et al., arXiv 2112.03570, section VI): of a record's
own class, or of the class that an attack drives records towards (section 5.3 of the paper). All families
are offline: they know models that did not train on a candidate, and none that did.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from turncoat.refusal import Refusal

Floats = NDArray[np.floating[Any]]
Scores = NDArray[np.float64]


class Signals(NamedTuple):
    """What the adversary observes, all of it log-odds.

    `target` (candidates,) under the model attacked, `shadow` (models, candidates) under shadow models;
    `own_target` (own,) and `own_shadow` (models, own) the same for records of the adversary's own that the
    model attacked did not train on.
    """

    target: Floats
    shadow: Floats
    own_target: Floats
    own_shadow: Floats


def log_odds(outputs: ArrayLike, label: ArrayLike) -> Scores:
    """phi = log p_c - log sum_{k != c} p_k of class `label`, from a model's linear outputs.

    `outputs` is (..., n, classes) before the softmax, or (..., n, 1) for a binary model whose one output is
    that of class 1; `label` one class for all records, or (n,) integers. It never forms 1 - p, which rounds
    to 0 for confident models.
    """
    d = np.asarray(outputs, np.float64)
    wanted = np.broadcast_to(np.asarray(label), d.shape[-2:-1])
    if d.shape[-1] == 1:
        return np.where(wanted == 1, d[..., 0], -d[..., 0])
    at = np.broadcast_to(wanted[:, None], (*d.shape[:-1], 1))
    chosen = np.take_along_axis(d, at, -1)[..., 0]
    others = np.where(np.arange(d.shape[-1]) == at, -np.inf, d)
    return _scores(chosen - special.logsumexp(others, axis=-1))


def lira(signals: Signals) -> Scores:
    """LiRA, offline and one-sided: -log P[Z > phi], Z normal with the shadow models' mean and spread.

    The log of the exact p-value: a record's score exceeds -log(f) by chance with probability f.
    Source: arXiv 2112.03570, section VI, equation (4).
    """
    target = _checked(signals)
    mean, spread = _moments(signals.shadow)
    return _surprise((target - mean) / spread)


def lira_centred(signals: Signals) -> Scores:
    """LiRA, one-sided, less what has moved all records: the median z of the adversary's own records.

    Tampering moves what a model says of everyone; the adversary's own records, which the model attacked did
    not train on, show by how much, model by model. This step is ours, not the paper's.
    """
    target = _checked(signals)
    mean, spread = _moments(signals.shadow)
    own_mean, own_spread = _moments(signals.own_shadow)
    everyone = np.median((np.asarray(signals.own_target, np.float64) - own_mean) / own_spread)
    return _surprise((target - mean) / spread - everyone)


def lira_shared(signals: Signals) -> Scores:
    """LiRA, one-sided, with one spread for all records, from their residuals: for few shadow models.

    Source: arXiv 2112.03570, section VI.C; the authors' code takes the spread of raw scores over all
    records, which also counts how records differ from each other.
    """
    target = _checked(signals)
    mean, spread = _moments(signals.shadow)
    return _surprise((target - mean) / np.sqrt(np.mean(spread**2)))


def lira_two_sided(signals: Signals) -> Scores:
    """LiRA as its authors' code scores offline: minus the normal log-density, with the median as centre.

    Source: tensorflow/privacy, research/mi_lira_2021/plot.py, `generate_ours_offline`.
    """
    target = _checked(signals)
    spread = np.maximum(np.std(signals.shadow, axis=0), _LEAST)
    z = (target - np.median(signals.shadow, axis=0)) / spread
    return _scores(z**2 / 2 + np.log(np.sqrt(2 * np.pi)) + np.log(spread))


def bavaria(signals: Signals) -> Scores:
    """BaVarIA-t, one-sided: -log P[T > phi], T the predictive of a normal-inverse-gamma posterior.

    A record's variance has an inverse-gamma prior (a, b) shared by all records, its mean a flat one. With m
    models and sum of squares S the predictive is Student's t with 2 a_m degrees of freedom around the mean,
    a_m = a + (m - 1) / 2, and squared scale (b + S / 2) / a_m * (1 + 1 / m). The idea is arXiv 2603.11799;
    the formulas here are derived from the conjugate posterior, a and b from the moments of the records'
    sample variances, less what sampling adds to them.
    """
    target = _checked(signals)
    models = len(signals.shadow)
    mean, spread = _moments(signals.shadow)
    a, b = _variance_prior(spread**2, models)
    shape = a + (models - 1) / 2
    scale = np.sqrt((b + (models - 1) * spread**2 / 2) / shape * (1 + 1 / models))
    return _surprise((target - mean) / scale, 2 * shape)


def rmia(signals: Signals, a: float = 0.3, gamma: float = 1.0) -> Scores:
    """RMIA, offline: the share of the adversary's own records z with (p_x / P_x) / (p_z / P_z) > gamma.

    P_x = ((1 + a) mean_out + (1 - a)) / 2 stands for the mean over models with and without the record.
    Source: arXiv 2312.03262; its authors' ml_privacy_meter, modules/mia/attacks/rmia.py, `run_rmia`.
    """
    _checked(signals)

    def log_ratio(target: Floats, shadow: Floats) -> Scores:
        average = ((1 + a) * special.expit(shadow).mean(0) + (1 - a)) / 2
        return _scores(-np.logaddexp(0, -np.asarray(target, np.float64)) - np.log(average))

    population = np.sort(log_ratio(signals.own_target, signals.own_shadow))
    ratio = log_ratio(signals.target, signals.shadow) - np.log(gamma)
    return _scores(np.searchsorted(population, ratio, side="left") / max(len(population), 1))


def loss(signals: Signals) -> Scores:
    """The signal itself under the model attacked, without shadow models (Yeom et al., arXiv 1709.01604)."""
    return np.asarray(signals.target, np.float64)


FAMILIES: dict[str, Callable[[Signals], Scores]] = {
    "lira": lira,
    "lira-centred": lira_centred,
    "lira-shared": lira_shared,
    "lira-two-sided": lira_two_sided,
    "bavaria": bavaria,
    "rmia": rmia,
    "loss": loss,
}
P_VALUES = ("lira", "lira-centred", "lira-shared", "bavaria")
"""Families whose score is -log of a p-value, so that a record can be judged without any other."""

_LEAST = 1e-12  # a spread of 0 (models that agree to the last bit) must not divide


def _surprise(z: Scores, degrees: float | None = None) -> Scores:
    """-log P[Z > z], Z standard normal or Student's t with `degrees` of freedom, exact in both tails.

    `scipy.special` has what `scipy.stats` would compute it by, and imports in a third of the time.
    """
    if degrees is None:
        return _scores(-special.log_ndtr(-z))
    with np.errstate(divide="ignore"):
        upper, lower = np.log(special.stdtr(degrees, -z)), np.log1p(-special.stdtr(degrees, z))
    return _scores(-np.where(z > 0, upper, lower))


def _scores(values: ArrayLike) -> Scores:
    return np.asarray(values, np.float64)


def _moments(shadow: Floats) -> tuple[Scores, Scores]:
    """Mean and unbiased spread over models, each (candidates,)."""
    values = np.asarray(shadow, np.float64)
    return values.mean(0), np.maximum(values.std(0, ddof=1), _LEAST)


def _variance_prior(variances: Floats, models: int) -> tuple[float, float]:
    """Inverse-gamma (a, b) with the mean and variance of the true variances behind these sample variances.

    E[s^4] = sigma^4 (m + 1) / (m - 1) for normal samples, so the mean of s^4 is shrunk by that factor.
    """
    mean = float(np.mean(variances))
    between = float(np.mean(variances**2)) * (models - 1) / (models + 1) - mean**2
    a = 2 + mean**2 / max(between, 1e-6 * mean**2)
    return a, mean * (a - 1)


def _checked(signals: Signals) -> Scores:
    """The target's signals, once the shapes fit."""
    target, shadow = np.asarray(signals.target, np.float64), np.asarray(signals.shadow)
    if shadow.ndim != 2 or shadow.shape[1:] != target.shape or len(shadow) < 2:
        raise Refusal(
            f"{target.shape} signals of the model attacked need (models, candidates) of at least two shadow "
            f"models beside them, not {shadow.shape}"
        )
    return target
