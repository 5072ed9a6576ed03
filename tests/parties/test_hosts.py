"""Parties on several machines: three network namespaces, joined by a bridge, and one party in each."""

import json
import os
import pickle
import shutil
import socket
import ssl
import subprocess
import sys
import time

import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat.core.arguments import share
from turncoat.core.shared import reveal
from turncoat.engines.recorder import Recorder
from turncoat.parties import backends, hosts
from turncoat.parties.programs.interpreter import interpret, run
from turncoat.parties.programs.plain import Plain
from turncoat.refusal import Refusal

PARTIES, CORRUPT = 3, 2
X, Y = np.arange(6, dtype=np.float32).reshape(2, 3) / 4, np.ones((3, 2), np.float32)
ERROR = np.array([[0.5, 0, 0], [0, -1, 0]], np.float32)
OWNER = """
import json, pickle, sys
from pathlib import Path
from turncoat.parties import backends, session
party, told, given = int(sys.argv[1]), json.loads(sys.argv[2]), pickle.loads(Path(sys.argv[3]).read_bytes())
chosen = session.Session(backends.MPYC, 3, 2, 60, options=told, party=party)
ended = session.run(chosen, *given)
print(json.dumps([a.tolist() for a in ended.revealed]))
"""


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, check=True)


@pytest.fixture
def machines():
    """Names of three namespaces, and an address in each."""
    if shutil.which("ip") is None:
        pytest.skip("network namespaces are made by iproute2, which is not here")
    names = [f"turncoat{os.getpid()}-{i}" for i in range(PARTIES)]
    bridge = f"tc{os.getpid()}"[:12]
    try:
        for name in names:
            ip("netns", "add", name)
        inside = [
            "-n",
            names[0],
        ]  # the bridge is in the first, so that the machine's own network is left alone
        ip(*inside, "link", "add", bridge, "type", "bridge")
        for i, name in enumerate(names):
            ip(*inside, "link", "add", f"port{i}", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip(*inside, "link", "set", f"port{i}", "master", bridge, "up")
            ip("-n", name, "addr", "add", f"10.77.0.{i + 1}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
        ip(*inside, "link", "set", bridge, "up")
    except subprocess.CalledProcessError as reason:
        _gone(names)
        pytest.skip(f"no network namespaces can be made here: {reason}")
    yield names, [f"10.77.0.{i + 1}" for i in range(PARTIES)]
    _gone(names)


def _gone(names):
    for name in names:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)


def signed(folder, names, authority="ca"):
    """An authority's certificate and one that it has signed for each name, made by OpenSSL's own command."""

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=True)

    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(
        "req",
        "-x509",
        *made,
        "-subj",
        f"/CN={authority}",
        "-keyout",
        f"{authority}.key",
        "-out",
        f"{authority}.pem",
    )
    for name in names:
        extension = folder / f"{name}.cnf"
        extension.write_text(f"subjectAltName=DNS:{name.rpartition('-')[2]}\n")
        openssl("req", *made, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        by = ["-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial"]
        openssl("x509", "-req", "-in", f"{name}.csr", *by, "-extfile", extension.name, "-out", f"{name}.pem")


def tls(folder, name, authority="ca"):
    paths = {"tls-cert": f"{name}.pem", "tls-key": f"{name}.key", "tls-ca": f"{authority}.pem"}
    return {option: str(folder / path) for option, path in paths.items()}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A tape of two products, its inputs and an error, in a file; and what it reveals."""
    recorder = Recorder()
    secured = tc.secure(lambda x, y: (x * x) @ y, protocol="crypten", engine=recorder)
    site = next(s.name for s in secured.surface(X, Y) if s.shape == X.shape)
    reveal(secured(*share((jnp.asarray(X), jnp.asarray(Y)), recorder), errors={site: ERROR}))
    written = recorder.writing
    path = tmp_path_factory.mktemp("given") / "given"
    path.write_bytes(pickle.dumps((recorder.tape, written.inputs, written.errors)))
    return path, run(interpret(recorder.tape, Plain(), written.inputs, written.errors))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("certificates are made by OpenSSL's command, which is not here")
    folder = tmp_path_factory.mktemp("certificates")
    signed(folder, [f"party{i}" for i in range(PARTIES)])
    signed(folder, ["other-party1"], "other")
    return folder


def started(name, party, told, given):
    where = ["ip", "netns", "exec", name] if name else []
    command = [*where, sys.executable, "-c", OWNER, str(party), json.dumps(told), str(given)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def told(party, addresses, folder, name=None):
    given = tls(folder, name or f"party{party}", "other" if name else "ca")
    return hosts.options(backends.MPYC, party, addresses, PARTIES, given)


def test_each_party_on_its_own_machine_reveals_what_was_predicted(machines, certificates, prepared):
    names, addresses = machines
    path, wanted = prepared
    running = [started(names[i], i, told(i, addresses, certificates), path) for i in range(PARTIES)]
    out = [child.communicate(timeout=60) for child in running]
    assert [child.returncode for child in running] == [0] * PARTIES, out
    for said, _ in out:
        np.testing.assert_allclose(json.loads(said)[0], wanted[0], atol=1e-4)


@pytest.fixture
def ports():
    """Three free ports of this machine, kept until the test ends: bound, and not listened on."""
    kept = [socket.socket() for _ in range(PARTIES)]
    for one in kept:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", 0))
    yield [one.getsockname()[1] for one in kept]
    for one in kept:
        one.close()


@pytest.mark.parametrize("name", ["other-party1", "party2"], ids=["another authority's", "another party's"])
def test_a_party_with_a_wrong_certificate_is_let_in_by_nobody(name, ports, certificates, prepared):
    addresses = [f"127.0.0.1:{port}" for port in ports]
    wrong = hosts.options(
        backends.MPYC, 1, addresses, PARTIES, tls(certificates, name, "other" if "other" in name else "ca")
    )
    honest = told(0, addresses, certificates)
    children = [started("", 1, wrong, prepared[0]), started("", 0, honest, prepared[0])]
    try:
        _, said = children[1].communicate(timeout=30)
        assert children[1].returncode and "party 1 is not who it should be" in said
    finally:
        for child in children:
            child.kill()
            child.communicate()


@pytest.mark.parametrize(
    ("name", "claims", "let_in"), [("party0", 0, True), ("party2", 0, False)], ids=["its own", "another's"]
)
def test_a_client_that_says_another_number_than_its_certificate_is_cut_off(
    name, claims, let_in, ports, certificates, prepared
):
    addresses = [f"127.0.0.1:{port}" for port in ports]
    server = started("", 1, told(1, addresses, certificates), prepared[0])
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    try:
        with reached(ports[1], context) as client:
            client.sendall(claims.to_bytes(2, "little"))
            client.settimeout(1.0)
            if let_in:  # the server waits for its keys, and says nothing
                with pytest.raises(TimeoutError):
                    client.recv(1)
            else:
                assert cut_off(client)
    finally:
        server.kill()
        server.communicate()


def reached(port, context):
    deadline = time.monotonic() + 20
    while True:
        try:
            return context.wrap_socket(
                socket.create_connection(("127.0.0.1", port)), server_hostname="party1"
            )
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def cut_off(client):
    try:
        return client.recv(1) == b""
    except (ConnectionResetError, ssl.SSLError):
        return True


REFUSED = {
    "TLS": ({"tls-ca": None}, "since it unpickles what its peers send.*give --tls-ca"),
    "a file": ({"tls-key": "nowhere"}, "--tls-key: there is no file nowhere"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_without_tls_no_party_meets_others(case, tmp_path):
    change, said = REFUSED[case]
    for name in ("c", "k", "a"):
        (tmp_path / name).touch()
    given = {n: str(tmp_path / f) for n, f in zip(("tls-cert", "tls-key", "tls-ca"), "cka", strict=True)}
    with pytest.raises(Refusal, match=said):
        hosts.options(backends.MPYC, 0, ["a", "b", "c"], PARTIES, given | change)


@pytest.mark.parametrize(
    ("engine", "where", "party", "said"),
    [
        ("crypten", ["a", "b", "c"], 0, "CrypTen runs here on one machine only: .* no TLS"),
        ("mpyc", ["a", "b"], 0, "--hosts names 2 hosts, and there are 3 parties"),
        ("mpyc", ["a", "b", "c"], 3, "there is no party 3"),
    ],
)
def test_parties_that_could_not_meet_are_refused(engine, where, party, said):
    with pytest.raises(Refusal, match=said):
        hosts.options(backends.CATALOGUE[engine], party, where, PARTIES, {})
