"""Defences by name: what each is, in one function, whose parameters are its options.

A defence's name may carry options, and several stand side by side: `matrices+sampled:alpha=0.01`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import reduce

from turncoat.defences.check import Check, When
from turncoat.defences.defence import Defence, Rule
from turncoat.defences.measures import ClippedEntries, ClippedNorm, Shuffled
from turncoat.defences.records import ClippedRecords, NoisyRecords
from turncoat.defences.screens import RATE, SCREENS, Disagreement, Vicinity
from turncoat.refusal import Refusal, nearest

ALPHA = 1.85e-5
"""What finds one of the paper's 1.5 million errors but for a probability of 2^-40 (section 6)."""


def nothing() -> Defence:
    """No check: passive security."""
    return Defence("nothing")


def everything(when: When = "step") -> Defence:
    """Every message is checked: active security."""
    return Defence("everything", (Rule("everything", Check(1.0, when)),))


def matrices(when: When = "step") -> Defence:
    """Matrix products and convolutions alone, by Freivalds' check; nothing elementwise, and no comparison."""
    return Defence("matrices", (Rule("matrices", Check(1.0, when)),))


def loss(when: When = "step") -> Defence:
    """The loss activation alone: the paper's cheap mitigation of gradient scaling (section 6)."""
    return Defence("loss", (Rule("loss", Check(1.0, when)),))


def sampled(alpha: float = ALPHA, when: When = "step") -> Defence:
    """Each message with probability alpha, by coins that the corrupt party cannot foresee (section 6)."""
    return Defence("sampled", (Rule("everything", Check(alpha, when)),))


def sampled_matrices(alpha: float = 0.01, when: When = "step") -> Defence:
    """Matrix products always, and everything else with probability alpha."""
    return Defence(
        "sampled-matrices", (Rule("matrices", Check(1.0, when)), Rule("everything", Check(alpha, when)))
    )


def checked(sites: str = "everything", alpha: float = 1.0, when: When = "step") -> Defence:
    """Sites of one's own choice: groups, kinds, names, or patterns such as softmax/*, a space between."""
    return Defence("checked", tuple(Rule(word, Check(alpha, when)) for word in sites.split()))


def recomputed() -> Defence:
    """Each step is computed twice and its results are compared, not its messages: that leaks by its aborts."""
    return Defence("recomputed", results=True)


def clip_entries(largest: float = 0.1) -> Defence:
    """Each entry of a step's update within a bound; no check."""
    return Defence("clip-entries", measures=(ClippedEntries(largest),))


def clip_norm(largest: float = 1.0) -> Defence:
    """A step's whole update within a Euclidean norm; no check."""
    return Defence("clip-norm", measures=(ClippedNorm(largest),))


def clip_records(largest: float = 1.0) -> Defence:
    """What each record alone adds in a step within a Euclidean norm, as DP-SGD does; no check."""
    return Defence("clip-records", measures=(ClippedRecords(largest),))


def dp_sgd(largest: float = 1.0, noise: float = 1.0) -> Defence:
    """Records clipped one by one, and Gaussian noise that no party knows in their mean; no check."""
    return Defence("dp-sgd", measures=(NoisyRecords(largest, noise),))


def shuffle() -> Defence:
    """The records' order is secret: they are shuffled under the protocol before training; no check."""
    return Defence("shuffle", measures=(Shuffled(),))


def screen(by: str = "columns", rate: float = RATE, threshold: float | None = None) -> Defence:
    """The opened model is looked at in the clear, by one number of it; no check."""
    if by not in SCREENS:
        raise Refusal(f"there is no screen {by!r}; the nearest are {nearest(by, SCREENS)}")
    return Defence("screen", screens=(SCREENS[by](rate, threshold),))


def vicinity(rate: float = RATE, threshold: float | None = None) -> Defence:
    """One checked step on all records, from the opened model: a convex job's is near its optimum; no other check."""
    return Defence("vicinity", screens=(Vicinity(rate, threshold),))


def second_run(attacked: str = "both", rate: float = RATE, threshold: float | None = None) -> Defence:
    """A second, independent training, whose model must agree with the first one; no check."""
    return Defence("second-run", screens=(Disagreement(rate, threshold, attacked),))


CATALOGUE: dict[str, Callable[..., Defence]] = {
    "nothing": nothing,
    "everything": everything,
    "matrices": matrices,
    "loss": loss,
    "sampled": sampled,
    "sampled-matrices": sampled_matrices,
    "checked": checked,
    "recomputed": recomputed,
    "clip-entries": clip_entries,
    "clip-norm": clip_norm,
    "clip-records": clip_records,
    "dp-sgd": dp_sgd,
    "shuffle": shuffle,
    "screen": screen,
    "vicinity": vicinity,
    "second-run": second_run,
}
"""Names, and what makes the defence of that name."""


def get(text: str) -> Defence:
    """The defence of a name, of `name:option=value,...`, or of several of these joined by `+`.

    Its name is the text. Raises Refusal, naming the nearest, for an unknown defence or option, and for a value that
    an option cannot hold.
    """
    found = reduce(Defence.beside, map(_one, text.split("+")))
    return replace(found, name=text)


def of_sites(sites: Iterable[str]) -> Defence:
    """That which always checks these sites and no others, by a name that makes it again."""
    names = " ".join(sites)
    return get(f"checked:sites={names}") if names else nothing()


def does(name: str) -> str:
    """A defence in one line: the first of its docstring."""
    return (CATALOGUE[name].__doc__ or "").strip().splitlines()[0]


def _one(text: str) -> Defence:
    name, colon, options = text.strip().partition(":")
    if name not in CATALOGUE:
        raise Refusal(f"there is no defence {name!r}; the nearest are {nearest(name, CATALOGUE)}")
    pairs = [part.partition("=") for part in options.split(",")] if colon else []
    return CATALOGUE[name](**dict(_option(name, key.strip(), value.strip()) for key, _, value in pairs))


def _option(defence: str, key: str, text: str) -> tuple[str, float | str]:
    known = inspect.signature(CATALOGUE[defence]).parameters
    if not known:
        raise Refusal(f"defence {defence!r} has no options, so {key!r} is none")
    if key not in known:
        raise Refusal(f"defence {defence!r} has no option {key!r}; the nearest are {nearest(key, known)}")
    if not str(known[key].annotation).startswith("float"):
        return key, text
    try:
        return key, float(text)
    except ValueError:
        raise Refusal(
            f"option {key!r} of defence {defence!r} takes a number, as in {defence}:{key}=0.01; not {text!r}"
        ) from None
