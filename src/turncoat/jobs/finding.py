"""What the command line names as `package.module:name`: a user's own function or job."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from turncoat.jobs.blame import blamed
from turncoat.jobs.job import Job
from turncoat.refusal import Refusal, nearest


def job(name: str) -> Job | None:
    """The job `module:name`, or that which a function of this name, without arguments, returns.

    None if the name is that of a function with arguments: a step. Raises Refusal where there is neither.
    """
    found = attribute(name)
    if not isinstance(found, Job) and callable(found) and not _arguments(found):
        with blamed(f"{name}()"):
            found = found()
        if not isinstance(found, Job):
            raise Refusal(f"{name}() must return a turncoat.Job, not {type(found).__name__}")
    if isinstance(found, Job):
        return replace(found, origin=name)
    if not callable(found):
        raise Refusal(f"{name} must be a turncoat.Job or a function, not {type(found).__name__}")
    return None


def _arguments(function: Callable[..., Any]) -> bool:
    """Whether a function must be given any, as far as Python knows them."""
    try:
        return any(
            p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
            for p in inspect.signature(function).parameters.values()
        )
    except (TypeError, ValueError):
        return True


def attribute(name: str, hint: str = "") -> Any:
    """What stands at `module:name`, the current folder searched first; Refusal where there is nothing."""
    module_name, _, attribute = name.partition(":")
    if not attribute or not all(part.isidentifier() for part in module_name.split(".")):
        raise Refusal(f"name a job or a function as package.module:name, not {name!r}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    with blamed(f"importing {module_name}"):
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
                raise  # of a module that the user's own imports
            raise Refusal(f"there is no module {error.name!r}; run from the folder that holds it") from None
    found = getattr(module, attribute, None)
    if found is None:
        functions = [n for n, v in vars(module).items() if inspect.isroutine(v) or isinstance(v, Job)]
        remark = f" ({hint})" if hint else f"; the nearest are {nearest(attribute, functions)}"
        raise Refusal(f"module {module_name!r} has no function {attribute!r}{remark}")
    return found


def function(name: str, hint: str = "") -> Callable[..., Any]:
    """The function `module:function`; Refusal if it is none."""
    found = attribute(name, hint)
    if not callable(found):
        raise Refusal(f"{name} must be a function, not {type(found).__name__}")
    made: Callable[..., Any] = found
    return made
