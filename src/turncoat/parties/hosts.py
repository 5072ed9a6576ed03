"""Parties on several machines: where they are, and by what they know each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from turncoat.parties.backends import Backend
from turncoat.refusal import Refusal

PORT = 11365
"""The port of party 0 where none is named; that of party i is i more."""


def options(
    backend: Backend, party: int, hosts: Sequence[str], parties: int, tls: Mapping[str, str | None]
) -> dict[str, str]:
    """What a party is told of the others; `tls` are the paths of its certificate, its key and the authority.

    Refusal where the engine has no such link, where hosts are not as many as parties, or without TLS.
    """
    if backend.alone:
        raise Refusal(f"{backend.title} runs here on one machine only: {backend.alone}")
    if len(hosts) != parties:
        raise Refusal(
            f"--hosts names {len(hosts)} hosts, and there are {parties} parties: one for each, in order"
        )
    if not 0 <= party < parties:
        raise Refusal(f"there is no party {party}: {parties} parties are numbered 0 to {parties - 1}")
    if missing := [f"--{name}" for name, path in tls.items() if path is None]:
        raise Refusal(
            f"{backend.title} runs between machines over TLS alone, since {backend.exposed}: give "
            f"{', '.join(missing)}"
        )
    for name, path in tls.items():
        if not Path(str(path)).is_file():
            raise Refusal(f"--{name}: there is no file {path}")
    placed = [_placed(host, PORT + i) for i, host in enumerate(hosts)]
    return {"hosts": ",".join(placed)} | {name: str(Path(str(path)).absolute()) for name, path in tls.items()}


def _placed(host: str, port: int) -> str:
    name, colon, given = host.rpartition(":")
    if not colon:
        return f"{host}:{port}"
    if not (name and given.isdecimal() and 0 < int(given) < 2**16):
        raise Refusal(f"a host is given as NAME or NAME:PORT, not {host!r}")
    return host
