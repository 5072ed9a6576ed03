"""How parties on MPyC reach each other: sockets in the run's own folder, or TLS between hosts that the user names.

MPyC itself listens on all interfaces, and unpickles what it is sent. So a party lets nobody in but the processes of
this user, or those with a certificate of the run's own authority for the party that they say they are.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Any

from mpyc import asyncoro
from mpyc.runtime import mpc
from party import Party

PAUSE = 0.05  # seconds between two tries
PID = 2  # bytes that a client says who it is with


class Connection(asyncoro.MessageExchanger):
    """MPyC's connection to one peer, with a count of what it carries."""

    __slots__ = "messages", "received"

    def __init__(self, peer: int | None = None) -> None:
        super().__init__(mpc, peer)
        self.messages, self.received = 0, 0

    def send(self, pc: int, payload: bytes) -> None:
        self.messages += 1
        super().send(pc, payload)

    def data_received(self, data: bytes) -> None:
        if self.peer_pid is None and not self._is_who_it_says(bytes(self.bytes) + data):
            self.transport.abort()
            return
        self.received += len(data)
        super().data_received(data)

    def _is_who_it_says(self, begun: bytes) -> bool:
        """Whether a client's certificate is that of the party whose number it sends first."""
        certificate = self.transport.get_extra_info("peercert")
        if certificate is None or len(begun) < PID:  # within the folder of this user, or not said yet
            return self.transport.get_extra_info("sslcontext") is None or len(begun) < PID
        names = [name for kind, name in certificate.get("subjectAltName", ()) if kind == "DNS"]
        return named(int.from_bytes(begun[:PID], "little")) in names


async def connect(party: Party) -> None:
    """What `Runtime.start` does over TCP."""
    loop = asyncio.get_running_loop()
    for peer in mpc.parties:
        peer.protocol = loop.create_future() if peer.pid == party.rank else None
    server = await _listening(party) if party.rank else None
    for peer in mpc.parties[party.rank + 1 :]:
        await _reached(party, peer.pid)
    await mpc.parties[party.rank].protocol
    if server is not None:
        server.close()
    mpc.start_time = time.time()


async def _listening(party: Party) -> Any:
    loop = asyncio.get_running_loop()
    if not party.hosts:
        return await loop.create_unix_server(Connection, str(party.folder / f"socket{party.rank}"))
    context = _context(party, ssl.PROTOCOL_TLS_SERVER)
    host, port = party.hosts[party.rank]
    return await loop.create_server(Connection, host, port, ssl=context)


async def _reached(party: Party, pid: int) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            if party.hosts:
                context = _context(party, ssl.PROTOCOL_TLS_CLIENT)
                host, port = party.hosts[pid]
                await loop.create_connection(
                    lambda: Connection(pid), host, port, ssl=context, server_hostname=named(pid)
                )
            else:
                path = str(party.folder / f"socket{pid}")
                await loop.create_unix_connection(lambda: Connection(pid), path)
            return
        except ssl.SSLCertVerificationError as reason:
            raise SystemExit(f"party {pid} is not who it should be: {reason.verify_message}") from reason
        except (FileNotFoundError, ConnectionError, OSError):  # it is not there yet
            await asyncio.sleep(PAUSE)


def _context(party: Party, side: Any) -> ssl.SSLContext:
    """Both sides show a certificate of the run's own authority: no other is trusted."""
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(party.options["tls-ca"])
    context.load_cert_chain(party.options["tls-cert"], party.options["tls-key"])
    return context


def named(pid: int) -> str:
    """The name in a party's certificate."""
    return f"party{pid}"
