"""An internet of one server, inside the test process: names, public addresses and certificates of its own."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from PIL import Image

PUBLIC = "93.184.215.14"
OTHER_PUBLIC = "151.101.1.140"

Page = Callable[[BaseHTTPRequestHandler], None]


def picture(kind: str = "PNG", size: tuple[int, int] = (640, 480)) -> bytes:
    """Return an image file."""
    file = BytesIO()
    Image.new("RGB", size, "teal").save(file, kind)
    return file.getvalue()


def giving(body: bytes, *, status: int = 200, **headers: str) -> Page:
    """Answer with a body; headers are named with underscores."""

    def give(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return give


def redirecting(to: str) -> Page:
    """Answer with a redirect."""
    return giving(b"", status=302, location=to)


@dataclass
class SmallInternet:
    """What the fetcher gets for the internet. ``names`` are looked up; every address leads to the one server.

    A name stands for a list of addresses, or for several in turn, one for each lookup. ``connections`` are the
    addresses that were connected to, ``requests`` what was asked: host, path and headers.
    """

    tls: ssl.SSLContext
    names: dict[str, Sequence[str]] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    connections: list[tuple[str, int]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    ports: dict[int, int] = field(default_factory=dict)
    lookups: list[str] = field(default_factory=list)

    async def look_up(self, host: str) -> Sequence[str]:
        self.lookups.append(host)
        if host not in self.names:
            raise OSError("no such host")
        return self.names[host]

    def open_socket(self, family: int) -> socket.socket:
        return _Rerouted(self, family)

    def close(self) -> None:
        return None


class _Rerouted(socket.socket):
    """A socket that notes where it is to be connected, and goes to the server of the test instead."""

    def __init__(self, internet: SmallInternet, family: int) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self._internet = internet

    def connect(self, address: tuple[str, int]) -> None:  # type: ignore[override]
        self._internet.connections.append(address[:2])
        super().connect(("127.0.0.1", self._internet.ports[address[1]]))


@contextmanager
def serve(folder: Path, *names: str) -> Iterator[SmallInternet]:
    """Run the server until the block ends: HTTPS with a certificate for ``names``, and plain HTTP."""
    authority, certificate = _make_certificates(folder, names)
    internet = SmallInternet(ssl.create_default_context(cafile=str(authority)))
    internet.names = {name: [PUBLIC] for name in names}
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_tls.load_cert_chain(certificate)
    servers = {443: _Server(internet, server_tls), 80: _Server(internet, None)}
    internet.ports = {port: server.server_port for port, server in servers.items()}
    threads = [threading.Thread(target=server.serve_forever, args=[0.01], daemon=True) for server in servers.values()]
    for thread in threads:
        thread.start()
    try:
        yield internet
    finally:
        for server, thread in zip(servers.values(), threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join(10)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, internet: SmallInternet, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.internet = internet
        self.tls = tls

    def finish_request(self, request: socket.socket, client_address: object) -> None:
        """Greet in the connection's own thread; who hangs up is let go."""
        try:
            with self.tls.wrap_socket(request, server_side=True) if self.tls else request as connection:
                self.RequestHandlerClass(connection, client_address, self)
        except OSError:
            return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        internet = self.server.internet
        headers = {name.lower(): value for name, value in self.headers.items()}
        internet.requests.append((headers["host"], self.path, headers))
        self.close_connection = True
        internet.pages.get(self.path, giving(b"", status=404))(self)

    def log_message(self, *_arguments: object) -> None:
        return None


def _make_certificates(folder: Path, names: Sequence[str]) -> tuple[Path, Path]:
    """Write an authority's certificate, and one for names with its key."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
    authority = _sign(authority_name, authority_name, authority_key, authority_key, x509.BasicConstraints(True, 0))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    certificate = _sign(subject, authority_name, key, authority_key, alternatives)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "authority.pem").write_bytes(authority)
    (folder / "server.pem").write_bytes(private + certificate)
    return folder / "authority.pem", folder / "server.pem"


def _sign(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signing: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> bytes:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(signing, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
