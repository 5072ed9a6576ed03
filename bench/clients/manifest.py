"""The clients: which file of which repository, and how its programs are reached."""

from __future__ import annotations

from typing import NamedTuple

from bench.clients import calls

FOLDERS = {
    "secretflow/spu": "spu", "secretflow/sml": "sml", "google/flax": "flax", "patrick-kidger/equinox": "equinox",
    "jax-ml/jax": "jax", "google-deepmind/jax_privacy": "jax_privacy", "google-deepmind/optax": "optax",
}  # fmt: skip
"""Where each repository lies below the folder of sources."""

COMMITS = {
    "secretflow/spu": "02ac612de3084dc53eddab91b720c6b80bc48779",
    "secretflow/sml": "1cb0573bf79abe479cbd39fdac30733aef24f86a",
    "google/flax": "18f8f311c275d57f46d95e41b15aa97b454754c0",
    "patrick-kidger/equinox": "9336d820b2ef66b360fc6cb3611b3da5cefbb14d",
    "jax-ml/jax": "cec06d116c05f0d52adfceee3d3b730fdbcb0ce5",
    "google-deepmind/jax_privacy": "8967688c26d46f3b74bfdfe61ef1f984b887abab",
    "google-deepmind/optax": "2edbcbe2390da13983b92cbef94ac0460ecde1c5",
}
"""What the manifest is written for."""


class Client(NamedTuple):
    """A file; it is run as "module", "cells" or "tests", or is of a "package", and `then` is called in it.

    It is left as soon as the named `programs` are met; all are waited for if none is named.
    """

    repository: str
    file: str
    how: str
    programs: tuple[str, ...] = ()
    then: str = ""


def _sml(*names: str) -> list[Client]:
    return [Client("secretflow/sml", f"tests/{n}_test.py", "tests") for n in names]


SML = _sml(
    "ensemble/adaboost", "ensemble/forest", "stats/vif", "stats/psi", "stats/pearsonr", "decomposition/tsne",
    "decomposition/nmf", "decomposition/pca", "tree/tree", "metrics/classification", "metrics/regression",
    "metrics/cluster", "naive_bayes/gnb", "preprocessing/quantile_transformer",
    "preprocessing/chimerge_discretizer", "preprocessing/preprocessing", "preprocessing/encoding/mean_encoder",
    "preprocessing/encoding/woe_encoder", "feature_selection/anova_f", "feature_selection/chi2",
    "manifold/shortest_path", "manifold/se", "manifold/knn", "manifold/isomap", "manifold/jacobi", "svm/svm",
    "cluster/kmeans", "utils/jacobie_svd", "utils/extmath", "utils/grid_search_cv", "utils/reveal",
    "utils/jacobievd", "gaussian_process/gpc", "linear_model/ridge", "linear_model/sgd", "linear_model/quantile",
    "linear_model/glm", "linear_model/logistic", "linear_model/pla", "neighbors/knn",
)  # fmt: skip


SPU = [Client("secretflow/spu", f"examples/python/{f}.py", "module", then=t) for f, t in calls.SPU.items()]
FLAX = (
    [Client("google/flax", f"examples/{f}.py", "module", then=t) for f, t in calls.FLAX.items()]
    + [
        Client("google/flax", f"examples/{f}.py", "module", programs)
        for f, programs in (
            ("nnx_toy_examples/03_train_state", ("train_step", "test_step")),
            ("nnx_toy_examples/04_data_parallel_with_jit", ("train_step",)),
            ("nnx_toy_examples/07_array_leaves", ("train_step", "test_step")),
            ("nnx_toy_examples/10_fsdp_and_optimizer", ("train_step",)),
        )
    ]
    + [Client("google/flax", f"examples/{f}_test.py", "tests") for f in ("sst2/train", "seq2seq/train")]
)
FLAX += [
    Client("google/flax", f"docs_nnx/{f}.ipynb", "cells", programs)
    for f, programs in (
        ("mnist_tutorial", ("train_step", "eval_step")),
        ("nnx_basics", ("train_step",)),
        ("guides/optimization_cookbook", ("train_step", "eval_step")),
        ("guides/performance", ("train_step", "jax_train_step")),
        ("guides/view", ("train_step", "eval_step")),
    )
]
EQUINOX = [
    Client("patrick-kidger/equinox", f"docs/examples/{f}.ipynb", "cells", programs)
    for f, programs in (
        ("deep_convolutional_gan", ("step_discriminator", "step_generator")),
        ("frozen_layer", ("make_step",)),
        ("mnist", ("loss", "compute_accuracy", "make_step")),
        ("parallelism", ("train_step", "evaluate")),
        ("score_based_diffusion", ("make_step",)),
        ("stateful", ("make_step", "evaluate")),
        ("train_rnn", ("make_step",)),
        ("vision_transformer", ("step_model",)),
    )
]
JAX = [Client("jax-ml/jax", f"examples/{f}.py", "module", then=t) for f, t in calls.JAX.items()]
PRIVACY = [
    Client("google-deepmind/jax_privacy", f"examples/{f}.py", "module", then=t)
    for f, t in calls.PRIVACY.items()
]
OPTAX = [
    Client("google-deepmind/optax", f"examples/{f}.ipynb", "cells", programs)
    for f, programs in (
        ("adversarial_training", ("accuracy", "loss_fun", "pgd_attack", "train_step")),
        ("cifar10_resnet", ("train_step", "eval_step")),
        ("freezing_parameters", ("train_step",)),
        ("gradient_accumulation", ("update",)),
        (
            "gradient_accumulation_and_microbatching",
            ("update_fn",),
        ),
        ("lookahead_mnist", ("loss_accuracy", "train_step")),
        ("meta_learning", ("outer_step",)),
        ("mlp_mnist", ("train_step", "eval_step")),
        ("nanolm", ("step", "eval_step")),
        ("contrib/differentially_private_sgd", ("loss_fn", "test_step", "train_step")),
        ("contrib/muon", ("loss_fn",)),
        ("contrib/reduce_on_plateau", ("loss_accuracy", "train_step")),
        ("contrib/sam", ("step",)),
    )
] + [
    Client("google-deepmind/optax", f"examples/{f.removeprefix('optax/')}.ipynb", "cells", then=t)
    for f, t in calls.NOTEBOOKS.items()
]
OPTIMIZERS = [
    Client("google-deepmind/optax", f"optax/{f}", "package", then=f"NAMES = {names!r}" + calls.OPTIMIZER)
    for f, names in (("_src/alias.py", calls.ALIASES), ("contrib/__init__.py", calls.CONTRIB))
]
CLIENTS = SML + SPU + FLAX + EQUINOX + JAX + PRIVACY + OPTAX + OPTIMIZERS
