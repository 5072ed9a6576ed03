"""`turncoat confirm`: one attack among real parties of an engine, honest beside attacked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Literal

import typer

from turncoat import attacks
from turncoat.cli import interrupts
from turncoat.cli.attack import Pairs, settings_of
from turncoat.cli.job_options import Given
from turncoat.cli.options import Common, grouped, named, without_effect
from turncoat.cli.parties import DEADLINE, Pythons
from turncoat.cli.screen import command, deliver, progress, report_of, usable
from turncoat.experiments.confirm import Confirm, confirm
from turncoat.jobs.setup import Setup
from turncoat.parties import backends, hosts
from turncoat.parties.session import Session
from turncoat.refusal import Refusal
from turncoat.report.confirmation import confirmation_table
from turncoat.results.confirmation import Confirmation
from turncoat.results.json import to_json

app = typer.Typer(add_completion=False)
STEPS = 4
TLS = ("tls_cert", "tls_key", "tls_ca")

Name = Annotated[
    str, typer.Argument(metavar="ATTACK", help="The attack; `turncoat attack --list` shows all.")
]
Own = Annotated[str | None, typer.Argument(metavar="JOB", help="Your own job, as package.module:name.")]
Steps = Annotated[int, typer.Option(help="Steps of training, on the first batches of the victims' records.")]


class OfJob(Given):
    """The options of a job, but for the engine: the simulator predicts on `reals`."""

    @classmethod
    def options(cls) -> list[Parameter]:
        return [option for option in super().options() if option.name not in ("engine", "epochs")]


@dataclass(frozen=True)
class Parties(Pythons):
    """Who runs it, and on what."""

    engine: Annotated[
        str, typer.Option(help=named("The engine of the parties", backends.CATALOGUE), show_default=False)
    ] = ""
    parties: Annotated[int, typer.Option(help="How many parties there are.")] = 3
    corrupt: Annotated[
        int | None, typer.Option(help="The one that deviates, counted from 0; the last one by default.")
    ] = None
    deadline: Annotated[
        float, typer.Option(help="Seconds for each run, after which all parties are ended.")
    ] = DEADLINE
    active: Annotated[
        bool,
        typer.Option(
            help="The same attack under active security too, each party corrupt in turn: MP-SPDZ's malicious "
            "protocol, or the simulator's with its checks on."
        ),
    ] = False
    evidence: Annotated[
        str,
        typer.Option(
            help="A: the corrupt party's own code deviates. B: it gives the errors as private inputs to unchanged "
            "code, which computes the same and shows nothing about being noticed."
        ),
    ] = "A"
    party: Annotated[
        int | None, typer.Option(help="The one party that this machine runs, where they are on several.")
    ] = None
    hosts: Annotated[
        str | None,
        typer.Option(help="Where the parties are, in order: NAME or NAME:PORT, with commas between."),
    ] = None
    tls_cert: Annotated[
        str | None, typer.Option(help="This party's certificate, for the DNS name party0, party1, ...")
    ] = None
    tls_key: Annotated[str | None, typer.Option(help="The key of that certificate.")] = None
    tls_ca: Annotated[
        str | None, typer.Option(help="The authority that signed all parties' certificates.")
    ] = None

    @property
    def label(self) -> Literal["A", "B"]:
        """What a confirmation is to rest on."""
        if self.evidence == "A":
            return "A"
        if self.evidence == "B":
            return "B"
        raise Refusal(f"evidence is A or B, not {self.evidence!r}")

    def chosen(self) -> Session:
        """The parties; Refusal where no engine is named, or it does not run with them."""
        if not self.engine:
            raise Refusal(f"name the engine of the parties by --engine: {', '.join(backends.CATALOGUE)}")
        session = self.session(self.engine, self.parties, self.corrupt, self.deadline, self.active)
        paths = {name: getattr(self, name) for name in TLS}
        if self.party is None or not self.hosts:
            given = {"party": self.party is not None, "hosts": self.hosts, **paths}
            without_effect("on its own; several machines need both --party and --hosts", **given)
            return session
        if self.active:
            raise Refusal("--active runs all parties itself; leave out --party and --hosts")
        tls = {name.replace("_", "-"): path for name, path in paths.items()}
        told = hosts.options(session.backend, self.party, self.hosts.split(","), self.parties, tls)
        return replace(session, party=self.party, options={**session.options, **told})


@app.command("confirm")
@grouped
def run(
    name: Name,
    own: Own = None,
    *,
    given: OfJob,
    steps: Steps = STEPS,
    settings: Pairs = None,
    parties: Parties,
    common: Common,
) -> None:
    """Runs one attack among real parties of MPyC, CrypTen, SPU or MP-SPDZ, one of which deviates."""
    attacks.kind(name)
    job = given.target(own)
    titles = (job.data, job.model) if isinstance(job, Setup) else (job.job.name,)
    folder = usable(common.folder("confirm", name, *titles, parties.engine), "confirmation.json")
    what = Confirm(
        name,
        job,
        parties.chosen(),
        settings_of(settings or []),
        steps,
        common.seed,
        parties.active,
        parties.label,
    )
    with interrupts.by_exception(), progress() as report:  # which ends the parties' processes too
        found_ = confirm(what, report, command())
    _delivered(found_, common, folder)
    if not (found_.confirmed and all(one.ends for one in found_.active)):
        raise typer.Exit(1)


def _delivered(found: Confirmation, common: Common, folder: Path) -> None:
    said = "The report is {folder}/report.html"
    deliver(to_json(found), confirmation_table(found), common.as_json, folder, lambda: report_of(found), said)
