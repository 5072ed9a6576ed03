"""How the scripts of the gallery print an audit: the verdict, each attack, and what was not run."""

from textwrap import fill


def show(found):
    print(found.severity.upper())
    print(fill(found.verdict, 100), "\n")
    print(
        f"{'attack':<24}{'honest':>8}{'attacked':>10}{'interval':>18}{'accuracy':>10}{'errors':>10}  reached"
    )
    for one in found.results:
        reached = "yes" if one.reached else "perhaps" if one.in_doubt else "no"
        success, change = one.attacked.success, one.attacked.accuracy.mean - one.honest.accuracy.mean
        interval = f"{success.low:.1%} to {success.high:.1%}"
        print(
            f"{one.attack:<24}{one.honest.success.mean:>8.1%}{success.mean:>10.1%}{interval:>18}"
            f"{change:>+10.1%}{one.errors:>10,}  {reached}"
        )
    for one in found.unrun:
        print(fill(f"{one.attack} was not run: {one.why}", 100, subsequent_indent="  "))
