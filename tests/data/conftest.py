"""Every test here has a cache folder of its own and no `$TURNCOAT_DATA`, unless it asks for the real one."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from turncoat.data import files
from turncoat.refusal import Refusal

_REAL = os.environ.get("TURNCOAT_DATA")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.delenv("TURNCOAT_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(files, "cache_folder", lambda: folder)
    return folder


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that `$TURNCOAT_DATA` names."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("TURNCOAT_DATA", str(folder))
    return folder


@pytest.fixture
def real_file(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Find a file in the `$TURNCOAT_DATA` that the tests were started with, or skip."""

    def find(name: str) -> Path:
        if _REAL is None or not (Path(_REAL) / name).is_file():
            pytest.skip(f"needs $TURNCOAT_DATA with {name}")
        monkeypatch.setenv("TURNCOAT_DATA", _REAL)
        return Path(_REAL) / name

    return find


@pytest.fixture
def refusal() -> Callable[..., str]:
    """Call something that must refuse; its message, which must be one line that ends as a sentence does."""

    def call(function: Callable, *args, **kwargs) -> str:
        with pytest.raises(Refusal) as caught:
            function(*args, **kwargs)
        message = str(caught.value)
        assert "\n" not in message
        assert message.endswith(".")
        return message

    return call


@pytest.fixture
def checksum() -> Callable[[str, bytes], str]:
    """The checksum of some bytes as a `DataFile` has it."""

    def compute(kind: str, content: bytes) -> str:
        if kind == "git":
            return "git:" + hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return f"{kind}:{hashlib.new(kind, content).hexdigest()}"

    return compute


@dataclass
class Site:
    """A web server on loopback: what it serves, how it misbehaves, and the Range headers that it saw."""

    content: bytes = b""
    cut_after: list[int] = field(default_factory=list)  # bytes of the body sent by the first requests
    ranges: bool = True
    status: int = 200
    seen: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def site() -> Iterator[Site]:
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.seen.append(wanted)
            if state.status != 200:
                self.send_error(state.status)
                return
            start = int(wanted[6:-1]) if wanted and state.ranges else 0
            body = state.content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(state.content) - 1}/{len(state.content)}"
                )
            self.send_header("ETag", '"one"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.cut_after.pop(0)] if state.cut_after else body)

        def log_message(self, *args) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/file"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()
