"""Server processes: start one, see when it answers, what it holds, and end it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from bench.figures import Unmeasured

ROOT = Path(__file__).resolve().parent.parent
PROC = Path("/proc")
POLL_SECONDS = 0.001
READY_SECONDS = 60.0
STOP_SECONDS = 20.0


class NotReady(Unmeasured):
    """The process ended, or did not answer in time; the text holds the end of what it wrote."""


class Process:
    """`python -m <arguments>` in `folder`, which serves /healthz at `port`; live while entered.

    Entering returns when /healthz has answered 200 for the first time. Raises NotReady. `python` is another
    environment's, `core` the only one that it may run on, `settings` are variables of its environment.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        port: int,
        folder: Path,
        *,
        python: Path = Path(sys.executable),
        core: int | None = None,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.arguments = arguments
        self.port = port
        self.folder = folder
        self._command: list[str | Path] = [python, "-m", *arguments]
        self._core = core
        self._settings = settings
        self.seconds = 0.0
        """From the call that made the process to the first 200."""

    def __enter__(self) -> Self:
        self._log = self.folder / f"{self.port}.log"
        with self._log.open("wb") as log:
            started = time.perf_counter()
            self._popen = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env={**environment(self.port), **self._settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            if self._core is not None:
                os.sched_setaffinity(self.pid, {self._core})
            while not healthy(self.port):
                if self._popen.poll() is not None:
                    raise NotReady(self._said(f"ended with code {self._popen.returncode}"))
                if time.perf_counter() - started > READY_SECONDS:
                    raise NotReady(self._said(f"did not answer within {READY_SECONDS:.0f} s"))
                time.sleep(POLL_SECONDS)
            self.seconds = time.perf_counter() - started
        except BaseException:  # also when interrupted, no process is left behind
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def kill(self) -> None:
        """End it at once, where nothing that it holds is wanted any more."""
        self._popen.kill()

    def memory(self) -> dict[str, float]:
        """MB (of 1000 * 1000 bytes) that the process holds: "Rss" whole, "Pss" with what is shared divided.

        Raises Unmeasured where the system has no /proc.
        """
        lines = self._proc("smaps_rollup").splitlines()
        fields = {line.partition(":")[0]: line.split()[1] for line in lines[1:]}
        return {name: int(fields[name]) * 1024 / 1e6 for name in ("Rss", "Pss")}

    def cpu(self) -> float:
        """Seconds of processor time that all its threads have used, in steps of 10 ms. Raises Unmeasured."""
        user, system = self._proc("stat").rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def _proc(self, name: str) -> str:
        if not PROC.exists():
            raise Unmeasured("There is no /proc here to tell what a process uses.")
        return (PROC / str(self.pid) / name).read_text(encoding="ascii", errors="replace")

    def _stop(self) -> None:
        self._popen.terminate()
        try:
            self._popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

    def _said(self, what: str) -> str:
        said = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
        return f"python -m {' '.join(self.arguments)} {what}.\n{said}".rstrip()


def healthy(port: int) -> bool:
    """Whether /healthz answers 200: one attempt on a plain socket, as cheap as it can be."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            with line.makefile("rb") as answer:
                return answer.readline().split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


def environment(port: int) -> dict[str, str]:
    """The caller's environment with no setting of the bot in it but the port."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XIAOPENG_", "PYTHON"))}
    return kept | {"PYTHONPATH": str(ROOT), "XIAOPENG_SERVER__PORT": str(port)}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port
