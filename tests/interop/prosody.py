"""Prosody as an ordinary process, and a client of it that can do little."""

from __future__ import annotations

import base64
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from xml.sax.saxutils import escape

from kamailio import EXAMPLES, START_SECONDS, loopback

DOMAIN = "chat.example"
# Whoever says a name is believed: what is tested begins when a user is there.
CONFIG = """
run_as_root = {root}
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
plugin_paths = {{ "{examples}/prosody" }}
interfaces = {{ "{address}" }}
s2s_ports = {{}}
modules_enabled = {{ "saslauth", "message", "presence", "roster", "carbons" }}
modules_disabled = {{ "s2s", "tls" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "insecure"
insecure_open_authentication = "Yes please, I know what I'm doing!"
log = {{ info = "*console" }}

VirtualHost "{domain}"
    modules_enabled = {{ "actas_conversations" }}
    actas_url = "{url}/sources/xmpp"
    actas_token = "{token}"
    actas_idle = 2
"""


class Prosody:
    def __init__(self, folder: Path, url: str, token: str) -> None:
        self.address = loopback()
        self._log = folder / "prosody.log"
        (folder / "data").mkdir()
        self._config = folder / "prosody.cfg.lua"
        self._config.touch(mode=0o600)
        self._config.write_text(
            CONFIG.format(
                root=str(os.geteuid() == 0).lower(),
                folder=folder,
                examples=EXAMPLES,
                address=self.address,
                domain=DOMAIN,
                url=url,
                token=token,
            )
        )
        self.start()

    def start(self) -> None:
        command = [shutil.which("prosody") or "prosody", "-F", "--config", str(self._config)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection((self.address, 5222), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"no Prosody:\n{self.printed()}") from None
                time.sleep(0.1)

    def printed(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(15)


class Chatter:
    """A user who is there, and writes."""

    def __init__(self, server: Prosody, user: str) -> None:
        self._seen = ""
        self._socket = socket.create_connection((server.address, 5222), timeout=START_SECONDS)
        head = f"<stream:stream xmlns='jabber:client' to='{DOMAIN}' version='1.0' "
        head += "xmlns:stream='http://etherx.jabber.org/streams'>"
        self._say(head, "</stream:features>")
        secret = base64.b64encode(f"\0{user}\0secret".encode()).decode()
        sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
        self._say(f"<auth xmlns='{sasl}' mechanism='PLAIN'>{secret}</auth>", "<success")
        self._say(head, "</stream:features>")
        bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
        self._say(f"<iq type='set' id='b'>{bind}</iq>", "<jid>")
        self._say("<presence/>", "<presence")

    def write(self, to: str, body: str, thread: str = "") -> None:
        thread = f"<thread>{thread}</thread>" if thread else ""
        message = f"<body>{escape(body)}</body>{thread}"
        self._socket.sendall(
            f"<message type='chat' to='{to}@{DOMAIN}'>{message}</message>".encode()
        )

    def wait_for(self, text: str) -> None:
        while text not in self._seen:
            received = self._socket.recv(65536)
            assert received, self._seen
            self._seen += received.decode()
        self._seen = re.sub(r"(?s).*" + re.escape(text), "", self._seen, count=1)

    def end(self) -> None:
        self._socket.close()

    def _say(self, text: str, answer: str) -> None:
        self._socket.sendall(text.encode())
        self.wait_for(answer)
