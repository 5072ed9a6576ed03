"""`turncoat view`: a folder of runs in a browser, served on this machine alone."""

from __future__ import annotations

from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from turncoat.cli.options import Common, grouped
from turncoat.cli.screen import as_text, say, show
from turncoat.refusal import Refusal
from turncoat.report.saved import load

app = typer.Typer(add_completion=False)

LOOPBACK = "127.0.0.1"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of runs; `results` by default.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes one that is free.")]


@app.command()
@grouped
def view(folder: Folder = Path("results"), *, port: Port = 7007, common: Common) -> None:
    """Serves a folder of runs on this machine, with a list of them."""
    if not folder.is_dir():
        raise Refusal(f"there is no folder {folder}; name one that holds runs")
    from turncoat.report.index import rows  # imported here, as it draws: the help needs none of it

    if common.as_json:
        show(as_text({"format": "turncoat.runs/1", "runs": [vars(row) for row in rows(folder)]}), "", True)
        return
    with server(folder, port) as running:
        say(f"The runs in {folder} are at http://{LOOPBACK}:{running.server_port}/ until you press Ctrl-C")
        running.serve_forever()


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of the folder's runs on loopback; each page is made from the results when it is asked for."""

    class Handler(Pages):
        place = folder

    try:
        return ThreadingHTTPServer((LOOPBACK, port), Handler)
    except OSError as error:
        raise Refusal(f"port {port} cannot be used ({error.strerror}); choose another by --port") from error


class Pages(BaseHTTPRequestHandler):
    """The list at /, a run's page at /run/NAME; nothing else is served, and no file as it lies there."""

    place: Path

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in (LOOPBACK, "localhost"):  # a name that someone else's page has pointed at this machine
            self._send(403, "<p>This server answers to its own address alone.</p>")
            return
        try:
            page = self._page(unquote(urlsplit(self.path).path))
        except Refusal as refusal:
            self._send(500, _said(str(refusal)))
            return
        self._send(200 if page else 404, page or _said("There is no such run."))

    def _page(self, path: str) -> str | None:
        from turncoat.report.formats import as_html
        from turncoat.report.index import index_html, rows

        found = rows(self.place)
        if path == "/":
            return index_html(self.place.name or str(self.place), found)
        name = next((row.name for row in found if path == f"/run/{row.name}" and not row.fault), None)
        return None if name is None else as_html.render(load(self.place / name))

    def _send(self, status: int, page: str) -> None:
        content = page.encode()
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": "text/html; charset=utf-8"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: whoever asks is the user."""


def _said(text: str) -> str:
    return f"<!doctype html><meta charset=utf-8><title>Turncoat</title><p>{escape(text)}</p>"
