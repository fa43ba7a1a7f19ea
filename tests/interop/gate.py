"""`actas gate` before the lab's Exchange, and what stands around it: nginx and a service."""

from __future__ import annotations

import datetime
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import s2s
from lab import Lab, LabError, binary

EXAMPLES = Path(__file__).parents[2] / "examples"
READY_SECONDS = 30
END_SECONDS = 15


def trust(
    lab: Lab, *, diagnostics: bool = False, several_user_ids: bool = False, head: str = ""
) -> str:
    """A gate's file that trusts the lab's application as a partner."""
    return f"""
listen = "127.0.0.1:0"
{head}

[resource]
app_id = "{s2s.EXCHANGE}"
hosts = ["{lab.exchange_audience_host.split(":")[0]}"]
port = {(lab.exchange_audience_host.split(":") + ["443"])[1]}
realm = "{lab.tenant}"
diagnostics = {str(diagnostics).lower()}
several_user_ids = {str(several_user_ids).lower()}

[[tenants]]
id = "{lab.tenant}"
domains = ["{lab.tenant_domain}"]

[[issuers]]
kind = "token-service"
app_id = "{s2s.STS}"
realm = "{lab.tenant}"
metadata_url = "{lab.metadata_url}"

[[partners]]
tenant = "{lab.tenant}"
app_id = "{lab.client_id}"
trust_level = "Full"
linked_account = "application"
act_as = true

[client]
ca_files = ["{lab.ca_pem}"]
"""


def eventually(what: str, process: subprocess.Popen[bytes], ready: Path | int) -> None:
    """Waits for a file, or for a port to answer."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LabError(f"{what} ended with {process.returncode}")
        if isinstance(ready, Path):
            if ready.exists():
                return
        else:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", ready)) == 0:
                    return
        time.sleep(0.02)
    raise LabError(f"{what} was not ready within {READY_SECONDS} seconds")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Gate:
    """A running `actas gate`."""

    def __init__(self, folder: Path, file: str) -> None:
        self.file = folder / "gate.toml"
        self.file.write_text(file)
        ready = folder / "ready.json"
        words = [str(binary()), "gate", str(self.file), "--ready-file", str(ready)]
        self.process = subprocess.Popen(words)
        eventually("actas gate", self.process, ready)
        self.url: str = json.loads(ready.read_text())["GATE_URL"]

    @property
    def authority(self) -> str:
        return self.url.removeprefix("http://").removesuffix("/auth")

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(END_SECONDS)


class Service:
    """A service that knows nothing of tokens, and answers with the fields it was sent."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(
                    [[name.lower(), value] for name, value in self.headers.items()]
                )
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            do_POST = do_GET

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Nginx:
    """nginx with `examples/nginx.conf`, of which only addresses and paths are changed."""

    def __init__(self, folder: Path, gate: Gate, service: Service) -> None:
        program = shutil.which(
            "nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
        )
        if program is None:
            raise LabError("there is no nginx; `apt-get install nginx` brings it")
        self.port = free_port()
        self.certificate = folder / "nginx.pem"
        key = folder / "nginx.key"
        certify(self.certificate, key)
        text = (EXAMPLES / "nginx.conf").read_text()
        for written, here in {
            "/run/nginx-gate.pid": str(folder / "nginx.pid"),
            "127.0.0.1:8490": gate.authority,
            "127.0.0.1:8080": f"127.0.0.1:{service.port}",
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "server_name mail.contoso.example": "server_name localhost",
            "/etc/nginx/tls/mail.contoso.example.pem": str(self.certificate),
            "/etc/nginx/tls/mail.contoso.example.key": str(key),
            "worker_processes auto;": "worker_processes 1;\ndaemon off;",
        }.items():
            assert written in text, written
            text = text.replace(written, here)
        configuration = folder / "nginx.conf"
        configuration.write_text(text)
        words = [program, "-p", str(folder), "-c", str(configuration), "-e", "stderr"]
        self.process = subprocess.Popen(words)
        eventually("nginx", self.process, self.port)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(END_SECONDS)


def certify(certificate: Path, key: Path) -> None:
    """Writes a key and a certificate of it for `localhost`."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    key.touch(0o600)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
