"""What a fresh environment made from the lock weighs."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import uv

from bench.figures import Figure, Unmeasured
from bench.process import ROOT

COUNT = 65
MEGABYTES = 130.0
TOOLS = ("pip", "setuptools", "_distutils_hack", "distutils-precedence", "_virtualenv")
"""What an environment brings along by itself."""


def packages() -> list[Figure]:
    """Install requirements.lock into a new environment. Raises Unmeasured where that fails."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch) / "venv"
        python = folder / "bin" / "python"
        lock = ROOT / "requirements.lock"
        tool = uv.find_uv_bin()
        sync: list[str | Path] = [tool, "pip", "sync", "--quiet", "--python", python, "--require-hashes", lock]
        try:
            subprocess.run([tool, "venv", "--quiet", "--python", sys.executable, folder], check=True)
            subprocess.run(sync, check=True)
        except subprocess.CalledProcessError as failed:
            raise Unmeasured(
                f"The packages could not be installed (uv ended with code {failed.returncode})."
            ) from failed
        site = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
        return weigh(Path(site))


def weigh(site: Path) -> list[Figure]:
    """Count the distributions of a site-packages folder, and add up its files but for bytecode."""
    parts = [part for part in site.iterdir() if not part.name.startswith(TOOLS)]
    count = sum(part.suffix == ".dist-info" for part in parts)
    files = (file for part in parts for file in (part.rglob("*") if part.is_dir() else [part]))
    size = sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".pyc")
    return [Figure("packages", count, "", COUNT), Figure("packages, size", size / 1e6, "MB", MEGABYTES)]
