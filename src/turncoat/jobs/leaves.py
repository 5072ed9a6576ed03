"""The leaves of a pytree by name, as the attack surface names outputs: `params/Dense_0/kernel`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax

from turncoat.core.arguments import path_name
from turncoat.core.shared import is_shared


def named(tree: Any) -> dict[str, Any]:
    """Every leaf (array or `Shared`) of a pytree by its path; one alone is called "result"."""
    leaves = jax.tree_util.tree_flatten_with_path(tree, is_leaf=is_shared)[0]
    return {path_name(path) or "result": leaf for path, leaf in leaves}


def filled(tree: Any, leaves: Mapping[str, Any]) -> Any:
    """The pytree with these leaves in the place of its own; KeyError for a name that it has not."""
    if unknown := leaves.keys() - named(tree).keys():
        raise KeyError(sorted(unknown)[0])
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaves.get(path_name(path) or "result", leaf), tree, is_leaf=is_shared
    )
