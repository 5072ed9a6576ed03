"""The leaves of a pytree by name, as the attack surface names outputs: `params/Dense_0/kernel`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax

from turncoat.core.arguments import path_name


def named(tree: Any) -> dict[str, Any]:
    """Every leaf of a pytree by its path; an array alone is called "result"."""
    return {path_name(path) or "result": leaf for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}


def filled(tree: Any, leaves: Mapping[str, Any]) -> Any:
    """The pytree with these leaves in the place of its own; KeyError for a name that it has not."""
    if unknown := leaves.keys() - named(tree).keys():
        raise KeyError(sorted(unknown)[0])
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaves.get(path_name(path) or "result", leaf), tree
    )
