"""Kamailio and baresip as ordinary processes on a loopback address of their own."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import time
import wave
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
START_SECONDS = 30
MODULES = ["kex", "tm", "sl", "rr", "pv", "textops", "siputils", "xlog"]
MODULES += ["usrloc", "registrar", "dialog"]

# A registrar and a proxy, with the accounting of `examples/`.
PROXY = """#!KAMAILIO
#!define ACTAS_URL "{url}/sources/kamailio"
#!define ACTAS_AUTHORIZATION "Authorization: Bearer {token}"
debug=2
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
listen=udp:{address}:5060
mpath="{modules}"
{loads}
include_file "{examples}/kamailio-accounting.cfg"

request_route {{
    if (is_method("REGISTER")) {{ save("location"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    if (has_totag()) {{
        if (loose_route()) {{
            if (is_method("BYE")) {{ setflag(FLT_ACTAS); }}
            t_relay();
        }} else if (is_method("ACK") && t_check_trans()) {{
            t_relay();
        }}
        exit;
    }}
    t_check_trans();
    record_route();
    if (is_method("INVITE")) {{
        dlg_manage();
        setflag(FLT_ACTAS);
        setflag(FLT_ACTAS_MISSED);
    }}
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_relay();
}}
"""

PHONE = """sip_listen {address}:5060
audio_player aufile,{folder}/heard.wav
audio_source aufile,{folder}/said.wav
audio_alert aufile,{folder}/alert.wav
module_path {modules}
module g711.so
module aufile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {address}:4444
"""


def loopback() -> str:
    """An address of 127.0.0.0/8 that nobody else has, so that every port is free."""
    return "127." + ".".join(str(secrets.randbelow(254) + 1) for _ in range(3))


def modules_of(name: str) -> Path:
    (found,) = [
        *Path("/usr/lib").glob(f"*/{name}/modules"),
        *Path("/usr/lib").glob(f"{name}/modules"),
    ][:1]
    return found


class Kamailio:
    def __init__(self, folder: Path, url: str, token: str) -> None:
        self.address = loopback()
        self._log = folder / "kamailio.log"
        config = folder / "kamailio.cfg"
        config.touch(mode=0o600)
        config.write_text(
            PROXY.format(
                url=url,
                token=token,
                address=self.address,
                modules=f"{modules_of('kamailio')}/",
                loads="\n".join(f'loadmodule "{name}.so"' for name in MODULES),
                examples=EXAMPLES,
            )
        )
        binary = shutil.which("kamailio", path="/usr/sbin:/usr/bin") or "kamailio"
        command = [binary, "-DD", "-f", str(config), "-Y", str(folder), "-m", "32", "-M", "4"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def printed(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(15)


class Phone:
    """baresip with one account, told what to do over its control port."""

    def __init__(self, folder: Path, user: str, proxy: str) -> None:
        self.user = user
        self._proxy = proxy
        self._address = loopback()
        folder.mkdir()
        self._log = folder / "baresip.log"
        (folder / "config").write_text(
            PHONE.format(address=self._address, folder=folder, modules=modules_of("baresip"))
        )
        (folder / "accounts").write_text(f"<sip:{user}@{proxy}>;regint=60\n")
        (folder / "contacts").touch()
        with wave.open(str(folder / "said.wav"), "wb") as said:
            said.setnchannels(1)
            said.setsampwidth(2)
            said.setframerate(8000)
            said.writeframes(bytes(2 * 8000))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["baresip", "-4", "-f", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        # A proxy that is still starting does not hear the first of them.
        self.wait_for("200 OK")

    def printed(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while text not in self.printed():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError(f"{self.user} did not see {text!r}:\n{self.printed()}")
            time.sleep(0.1)

    def dial(self, user: str) -> None:
        self._tell("dial", f"sip:{user}@{self._proxy}")

    def accept(self) -> None:
        self.wait_for("Incoming call")
        self._tell("accept")

    def hang_up(self) -> None:
        self._tell("hangup")

    def _tell(self, command: str, parameters: str = "") -> None:
        message = json.dumps({"command": command, "params": parameters, "token": "t"}).encode()
        with socket.create_connection((self._address, 4444), timeout=10) as control:
            control.sendall(str(len(message)).encode() + b":" + message + b",")
            control.recv(4096)

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(15)
