"""One party on SecretFlow SPU 0.9.5: protocol SEMI2K, additive sharing in Z_2^64, all but one party may be corrupt.

The tape is cut at every operation, and each part is a program that SPU compiles and runs. Between two of them a
corrupt party takes its own share of the result from SPU's memory, adds its error, and puts it back: to a number's
the error with 18 fractional bits, to a bit's a one. Triples come from party 0, SPU's default.
"""

from __future__ import annotations

import base64
import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import spu
from interpreter import run
from party import Party
from spu import libspu
from tape import load_numbered

PRECISION = 18
SECRET, PUBLIC = libspu.Visibility.VIS_SECRET, libspu.Visibility.VIS_PUBLIC
DTYPES = {"bit": np.bool_, "integer": np.int32, "fixed": np.float32}
COUNTS = re.compile(r"Link details: total send bytes (\d+), recv bytes (\d+), send actions (\d+)")
"""What SPU logs of each program that it ran (src/libspu/device/api.cc, `printProfilingData`)."""
VERIFIED = 5
"""How long a chain of certificates may be; with 0, SPU verifies none."""
LOCAL = ("add", "sub", "neg", "lift", "arith", "xor", "mask", "reshape", "take", "total")
OTHERS = ("scale", "multiply", "matmul", "matmul_public", "select", "compare", "both", "ideal")


class Wire:
    """A value in SPU's memory, by its name there; forgotten with the last wire of that name."""

    def __init__(self, runtime: Any, name: str, visibility: Any) -> None:
        self.runtime, self.name, self.visibility = runtime, name, visibility

    def __del__(self) -> None:
        self.runtime.del_var(self.name)


class Machine:
    """This party's slice of SPU's virtual machine."""

    def __init__(self, party: Party, link: Any, config: Any) -> None:
        self.party, self.link = party, link
        self.runtime, self.io = spu.Runtime(link, config), spu.Io(party.parties, config)
        content = json.loads((party.folder / "segments.json").read_bytes())
        self.texts, self.of, self.whole = content["texts"], content["of"], content.get("whole", "")
        self.compiled: dict[Any, bytes] = {}
        self.publics: dict[int, Wire] = {}
        self.names = 0

    def _named(self, visibility: Any) -> Wire:
        self.names += 1
        return Wire(self.runtime, f"v{self.names}", visibility)

    def _public(self, array: Any) -> Wire:
        wire = self._named(PUBLIC)
        self.runtime.set_var(wire.name, self.io.make_shares(array, PUBLIC)[self.party.rank])
        return wire

    def _code(self, number: int, visibilities: tuple[Any, ...]) -> bytes:
        """SPU's program of an operation, compiled once for all that are alike."""
        key = self.of[str(number)], visibilities
        if key not in self.compiled:
            text = self.texts[key[0]].encode()
            source = libspu.CompilationSource(libspu.SourceIRType.STABLEHLO, text, list(visibilities))
            self.compiled[key] = spu.api.compile(source, libspu.CompilerOptions())
        return self.compiled[key]

    def compile(self, tape: Any) -> None:
        """Compiles every operation before the first one runs, so that steps are timed without."""
        public = {op.out: op.name == "constant" for op in tape.ops if op.name in ("constant", "share")}
        for op in tape.ops:
            if str(op.out) in self.of:
                known = [public[i] for i in op.ins] + [True for _ in op.arrays]
                self._code(op.out, tuple(PUBLIC if p else SECRET for p in known))
                public[op.out] = all(known)

    async def executed(self, op: Any, *given: Any, error: Any = None) -> Wire:
        """An operation; then, in the corrupt party's process alone, its own share is edited."""
        wires = [v if isinstance(v, Wire) else self._public(_narrow(v)) for v in given]
        visibilities = tuple(w.visibility for w in wires)
        out = self._named(SECRET if SECRET in visibilities else PUBLIC)
        names = [w.name for w in wires]
        self.runtime.run(libspu.Executable(op.name, names, [out.name], self._code(op.out, visibilities)))
        if error is not None:
            self.runtime.set_var(out.name, _edited(self.runtime.get_var(out.name), op.sort, error))
        return out

    async def step(self, op: Any) -> None:
        self.link.barrier()
        self.party.step()

    async def uncut(self, tape: Any, inputs: Any) -> list[Any]:
        """What the whole tape reveals as one program, of its inputs shared anew."""
        shared = [await self.share(op, inputs.get(op.out), op.out) for op in tape.inputs]
        text, visibilities = self.whole.encode(), [SECRET for _ in shared]
        source = libspu.CompilationSource(libspu.SourceIRType.STABLEHLO, text, visibilities)
        code = spu.api.compile(source, libspu.CompilerOptions())
        out = [self._named(SECRET) for _ in tape.outputs]
        names = [w.name for w in shared], [w.name for w in out]
        self.runtime.run(libspu.Executable("uncut", *names, code))
        return [await self.open(wire) for wire in out]

    async def constant(self, op: Any, array: Any) -> Wire:
        return self._public(array.astype(DTYPES[op.sort]))

    async def share(self, op: Any, array: Any, number: int) -> Wire:
        owner, shares = self.party.owner(number), []
        if array is not None:
            shares = [_packed(s) for s in self.io.make_shares(array.astype(DTYPES[op.sort]), SECRET)]
        wire = self._named(SECRET)
        self.runtime.set_var(wire.name, _unpacked(self.link.scatter(shares, owner)))
        return wire

    async def open(self, wire: Wire) -> Any:
        """All parties send each other their shares of the result."""
        shares = self.link.all_gather(_packed(self.runtime.get_var(wire.name)))
        return self.io.reconstruct([_unpacked(s) for s in shares])


for _name in (*LOCAL, *OTHERS):
    setattr(Machine, _name, Machine.executed)


def _narrow(array: Any) -> Any:
    """A public array as a program in 32 bits takes it."""
    kinds = {"f": np.float32, "i": np.int32, "b": np.bool_}
    return np.asarray(array, kinds[array.dtype.kind], order="C")


def _edited(share: Any, sort: str, error: Any) -> Any:
    """This party's own share of a value, with an error in it; what describes the value stays as it was."""
    chunk = libspu.ValueChunk()
    chunk.ParseFromString(share.share_chunks[0])
    if sort == "bit":
        dtype = np.dtype(f"u{len(chunk.content) // error.size}")
        own = np.frombuffer(chunk.content, dtype) ^ error.ravel().astype(dtype)
    else:
        scale = PRECISION if sort == "fixed" else 0
        added = np.rint(error.astype(np.float64).ravel() * 2.0**scale).astype(np.int64)
        own = np.frombuffer(chunk.content, np.uint64) + added.astype(np.uint64)
    chunk.content = own.tobytes()
    edited = libspu.Share()
    edited.meta, edited.share_chunks = share.meta, [chunk.SerializeToString()]
    return edited


def _packed(share: Any) -> str:
    """A share as text, which is what the link takes."""
    parts = [share.meta, *share.share_chunks]
    return json.dumps([base64.b64encode(part).decode() for part in parts])


def _unpacked(text: Any) -> Any:
    meta, *chunks = (base64.b64decode(part) for part in json.loads(text))
    share = libspu.Share()
    share.meta, share.share_chunks = meta, chunks
    return share


def connected(party: Party) -> Any:
    """SPU's own link: sockets in the run's own folder, no port and no other user; or TLS between named hosts."""
    description = libspu.link.Desc()
    description.connect_retry_times, description.connect_retry_interval_ms = 600, 100
    if party.hosts:
        description.enable_ssl = True
        for side in (description.server_ssl_opts, description.client_ssl_opts):
            side.cert.certificate_path = party.options["tls-cert"]
            side.cert.private_key_path = party.options["tls-key"]
            side.verify.ca_file_path = party.options["tls-ca"]
            side.verify.verify_depth = VERIFIED
    for rank in range(party.parties):
        own = f"unix:{party.folder / f'socket{rank}'}"
        at = "{}:{}".format(*party.hosts[rank]) if party.hosts else own
        description.add_party(f"party{rank}", at)
    return libspu.link.create_brpc(description, party.rank)


def log_to(path: Path) -> None:
    options = libspu.logging.LogOptions()
    options.enable_console_logger, options.system_log_path = False, str(path)
    libspu.logging.setup_logging(options)


def main() -> None:
    party = Party.of_arguments()
    log = party.own / "spu.log"
    log_to(log)
    link = connected(party)
    config = libspu.RuntimeConfig(
        protocol=libspu.ProtocolKind.SEMI2K, field=libspu.FieldType.FM64, fxp_fraction_bits=PRECISION
    )
    config.enable_pphlo_profile = True
    tape = party.tape
    machine = Machine(party, link, config)
    machine.compile(tape)
    revealed = run(party.run(tape, machine))
    link.barrier()
    party.step()
    counted = np.array([[int(n) for n in line] for line in COUNTS.findall(log.read_text())]).sum(0).tolist()
    found = dict(zip(("sent_bytes", "received_bytes", "messages"), counted, strict=True))
    if machine.whole:
        again = run(machine.uncut(tape, load_numbered(party.own / "inputs.npz")))
        found["uncut"] = max(float(np.abs(a - b).max()) for a, b in zip(revealed, again, strict=True))
    link.stop_link()
    party.report(tape, revealed, version=f"spu {version('spu')}", **found)


if __name__ == "__main__":
    main()
