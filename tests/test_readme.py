"""What the README shows works as printed."""

import re
from pathlib import Path

from turncoat.jobs.checks import check

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_python_examples_run_as_printed(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 4
    names: dict = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    printed = " ".join(capsys.readouterr().out.split())
    shown = re.search(r"```\n(47 sites.*?)```", README, re.DOTALL)[1]
    for line in shown.splitlines():
        if line.strip() != "...":
            assert " ".join(line.split()) in printed
    assert names["tampered"].shape == (3,)


def test_the_job_of_ones_own_fits_together():
    block = next(b for b in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "tc.Job(" in b)
    names: dict = {}
    exec(compile(block, "README.md", "exec"), names)
    check(names["job"])
    assert len([line for line in block.splitlines() if line.strip()]) <= 20


def test_every_command_shown_exists():
    from turncoat.cli.command_line import VERBS

    shown = re.findall(r"^(?:make|turncoat) ([\w-]+)", README, re.MULTILINE)
    makefile = (Path(__file__).parents[1] / "Makefile").read_text()
    for word in shown:
        assert word in VERBS or f"\n{word}:" in makefile, word
