"""Replays a Dockerfile without a container engine: its steps run in an empty folder and a fresh venv.

Paths of the image are mapped below that folder. Only what the root of an image can do (useradd,
chown) is passed over, and CMD runs as whoever replays; an unknown instruction stops the replay.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

PASSED_OVER = ("useradd", "chown")


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction of a Dockerfile as (word, rest), with its continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        yield word.upper(), rest.strip()


class Replay:
    """An image as a folder. `build()` runs its steps; `start()` and `healthy()` use the outcome."""

    def __init__(self, context: Path, root: Path) -> None:
        self.context = context
        self.root = root
        self.bin = root / "venv" / "bin"
        self.workdir = root
        self.env: dict[str, str] = {}
        self.command: list[str] = []
        self.check: list[str] = []

    def build(self) -> None:
        """Run every step; raises CalledProcessError where one fails."""
        for word, rest in instructions((self.context / "Dockerfile").read_text("utf-8")):
            getattr(self, f"_{word.lower()}")(rest)

    def start(self, env: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
        """Start CMD as the container would, with `env` over the image's; its output goes to `log`."""
        with log.open("wb") as out:
            return subprocess.Popen(
                self.command, cwd=self.workdir, env=self._environ(env), stdout=out, stderr=subprocess.STDOUT
            )

    def healthy(self, env: Mapping[str, str]) -> bool:
        """Ask HEALTHCHECK's own question."""
        done = subprocess.run(
            self.check, cwd=self.workdir, env=self._environ(env), capture_output=True, timeout=30, check=False
        )
        return done.returncode == 0

    def _inside(self, path: str) -> Path:
        return self.root / path.lstrip("/") if path.startswith("/") else self.workdir / path

    def _environ(self, env: Mapping[str, str]) -> dict[str, str]:
        # Nothing of the machine comes in but what its package index and its temporary files need.
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("PIP_", "SSL_"))
            or name.lower().endswith("_proxy")
            or name in {"HOME", "LANG", "TMPDIR"}
        }
        return kept | self.env | dict(env) | {"PATH": f"{self.bin}:/usr/bin:/bin"}

    def _from(self, rest: str) -> None:
        if not re.fullmatch(r"python:3\.\d+-slim", rest):
            raise ValueError(f"no replay of FROM {rest}")
        venv.create(self.root / "venv", with_pip=True)

    def _env(self, rest: str) -> None:
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            self.env[name] = str(self._inside(value)) if value.startswith("/") else value

    def _workdir(self, rest: str) -> None:
        self.workdir = self._inside(rest)
        self.workdir.mkdir(parents=True, exist_ok=True)

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        for source in sources:
            origin, goal = self.context / source, self._inside(target)
            if origin.is_dir():
                shutil.copytree(origin, goal, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            else:
                shutil.copy(origin, goal / origin.name if target.endswith("/") else goal)

    def _run(self, rest: str) -> None:
        for part in rest.split("&&"):
            words = shlex.split(part)
            if words[0] in PASSED_OVER:
                continue
            words = [str(self._inside(word)) if word.startswith("/") else word for word in words]
            subprocess.run(words, cwd=self.workdir, env=self._environ({}), check=True, capture_output=True, timeout=600)

    def _user(self, rest: str) -> None:
        if rest in {"root", "0"}:
            raise ValueError(f"USER {rest}: the image must not run as root")

    def _volume(self, rest: str) -> None:
        if not self._inside(rest).is_dir():
            raise ValueError(f"VOLUME {rest} was never made, so it would belong to root")

    def _expose(self, rest: str) -> None:
        if not rest.isdigit():
            raise ValueError(f"EXPOSE {rest} is no port")

    def _cmd(self, rest: str) -> None:
        self.command = self._program(rest)

    def _healthcheck(self, rest: str) -> None:
        self.check = self._program(rest.partition("CMD ")[2])

    def _program(self, rest: str) -> list[str]:
        program, *arguments = json.loads(rest)
        return [str(self.bin / program), *arguments]


def main() -> int:
    """Build in the folder that the command line names, and say what would be started."""
    image = Replay(Path(__file__).parent.parent, Path(sys.argv[1]).resolve())
    image.root.mkdir(parents=True)
    image.build()
    sys.stdout.write(f"cd {image.workdir} && {shlex.join(image.command)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
