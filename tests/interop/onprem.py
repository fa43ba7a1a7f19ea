"""A running `actas serve onprem`, and its commands."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from lab import END_SECONDS, READY_SECONDS, LabError, binary

COMMAND_SECONDS = 60


class Onprem:
    """The on-premises side in a folder, with `[onprem.sources]` as given."""

    def __init__(self, folder: Path, sources: str) -> None:
        self.folder = folder
        self._config = folder / "actas.toml"
        self._config.write_text(
            '[onprem]\nlisten = "127.0.0.1:0"\ndata = "onprem"\n\n[onprem.sources]\n' + sources
        )
        self._ready = folder / "ready.json"
        self._log = folder / "onprem.log"
        self._base = [str(binary()), "--config", str(self._config), "--data", str(folder)]
        command = [*self._base, "serve", "onprem", "--ready-file", str(self._ready)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"`actas serve onprem` is not ready:\n{self.printed()}")
            time.sleep(0.05)
        self.url: str = json.loads(self._ready.read_text())["ONPREM_URL"]

    def command(self, *words: str) -> Any:
        """What a command printed as JSON."""
        done = subprocess.run(
            [*self._base, "--output", "json", *words],
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def token(self, name: str) -> str:
        (made,) = self.command("storage", "token", "new", name)
        return str(made["Token"])

    def items(self) -> list[dict[str, Any]]:
        """The items that were accepted, by key."""
        listed = self.command("storage", "list")
        shown = [self.command("storage", "show", item["Key"])[0] for item in listed]
        return sorted(shown, key=lambda item: str(item["Key"]))

    def wait_for_items(self, count: int, seconds: float = 30) -> list[dict[str, Any]]:
        deadline = time.monotonic() + seconds
        while len(items := self.items()) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"there are {items}, not {count}:\n{self.printed()}")
            time.sleep(0.2)
        return items

    def printed(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
