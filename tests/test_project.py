"""What must hold of the files around the code: packaging, locks, container, papers."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.adapters.onebot import PATH
from tests.replay import Replay, instructions

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
STARTED = ("bot/__main__.py", "bot/cli.py", "bot/app.py", "bot/server.py")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return loaded


def steps(word: str) -> list[str]:
    return [rest for step, rest in instructions((ROOT / "Dockerfile").read_text("utf-8")) if step == word]


def pins(lock: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE))


# --- packaging ----------------------------------------------------------------------------


def test_packages_are_there() -> None:
    for package in project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert (ROOT / package / "__init__.py").is_file(), package


def test_papers_that_the_package_names_are_there() -> None:
    meta = project()["project"]
    for name in (meta["readme"], *meta["license-files"], "CONTRIBUTING.md", "CHANGELOG.md"):
        assert (ROOT / name).is_file(), name
    assert meta["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")


def test_versions_agree() -> None:
    version = project()["project"]["version"]
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version
    assert compose()["services"]["bot"]["image"].endswith(f":{version}")


def test_the_command_is_called_xiaopeng() -> None:
    assert project()["project"]["scripts"] == {"xiaopeng": "bot.cli:main"}


# --- locks --------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_no_machine(lock: str) -> None:
    for number, line in enumerate((ROOT / lock).read_text("utf-8").splitlines(), 1):
        assert not re.search(r"://|file:|--(extra-)?index|--find-links|--trusted|\s/\w+", line), f"{lock}:{number}"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_for_every_version(lock: str) -> None:
    entries = re.split(r"^(?=[a-z0-9._-]+==)", (ROOT / lock).read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert entries
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry.split(" ")[0]


def test_what_runs_is_what_was_tested() -> None:
    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_the_lock_serves_every_dependency_and_stays_small() -> None:
    locked = {name for name, _ in pins("requirements.lock")}
    asked = {re.split(r"[\[<>=;\s]", line)[0] for line in project()["project"]["dependencies"]}
    assert asked <= locked
    assert len(locked) <= 65


def test_there_is_one_kind_of_lock() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not {"uv.lock", "poetry.lock", "Pipfile.lock"} & set(tracked.stdout.split())
    assert not (ROOT / "uv.lock").exists()


# --- make ---------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["run", "test", "lint", "bench", "lock"])
def test_make_knows_the_target(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ".venv/bin/" in done.stdout


def test_make_says_which_python_it_needs(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", *LOCKS):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "python2"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    done = subprocess.run(["make", "test", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_ci_stops_at_a_failure() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111
    assert "set -euo pipefail" in script.read_text("utf-8")
    subprocess.run(["bash", "-n", script], check=True)


# --- container ----------------------------------------------------------------------------


def test_the_image_copies_only_what_is_there_and_not_ignored() -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert "*" in ignore
    for copy in steps("COPY"):
        for source in copy.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignore, source
    assert "!.env" not in ignore


def test_the_image_runs_without_root() -> None:
    (user,) = steps("USER")
    assert user not in {"root", "0"}
    assert any("useradd" in run and user in run for run in steps("RUN"))
    order = [word for word, _ in instructions((ROOT / "Dockerfile").read_text("utf-8"))]
    assert order.index("USER") > max(at for at, word in enumerate(order) if word in {"RUN", "COPY"})


def test_the_image_installs_by_hash_and_keeps_its_data_apart() -> None:
    (install,) = [run for run in steps("RUN") if "pip install" in run]
    assert {"--require-hashes", "requirements.lock"} <= set(shlex.split(install))
    assert steps("VOLUME") == ["/data"]
    assert "XIAOPENG_STORE__PATH=/data/xiaopeng.db" in " ".join(steps("ENV"))
    (check,) = steps("HEALTHCHECK")
    assert "/healthz" in check
    assert "curl" not in check


def test_compose_opens_one_door_on_loopback() -> None:
    assert [name for name, service in compose()["services"].items() if "profiles" not in service] == ["bot"]
    bot = compose()["services"]["bot"]
    assert bot["ports"] == ["127.0.0.1:8080:8080"]
    assert "depends_on" not in bot, "the bot starts without what has a profile"
    (volume,) = bot["volumes"]
    assert volume.partition(":")[0] in compose()["volumes"]


def test_compose_publishes_on_loopback_alone() -> None:
    for name, service in compose()["services"].items():
        assert "network_mode" not in service, name
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name


def test_compose_gives_napcat_its_place_and_no_power() -> None:
    napcat = compose()["services"]["napcat"]
    assert napcat["profiles"] == ["qq"]
    assert re.fullmatch(r"mlikiowa/napcat-docker:v\d+\.\d+\.\d+", napcat["image"]), "a version, not latest"
    assert napcat["ports"] == ["127.0.0.1:6099:6099"]
    assert napcat["environment"]["ACCOUNT"] == "${ACCOUNT:-}"
    assert "env_file" not in napcat, "the bot's keys are none of its business"
    assert not {"privileged", "cap_add", "devices", "user"} & napcat.keys()
    kept = dict(volume.split(":") for volume in napcat["volumes"])
    assert set(kept.values()) == {"/app/napcat/config", "/app/.config/QQ"}
    assert set(kept) <= set(compose()["volumes"])
    assert set(kept).isdisjoint(volume.partition(":")[0] for volume in compose()["services"]["bot"]["volumes"])


def test_compose_tells_napcat_where_the_bot_is() -> None:
    napcat = compose()["services"]["napcat"]
    (mounted,) = napcat["configs"]
    # The image copies /app/templates/$MODE.json to where NapCat looks for what an account without its own takes.
    assert mounted["target"] == f"/app/templates/{napcat['environment']['MODE']}.json"
    content = compose()["configs"][mounted["source"]]["content"]
    network = json.loads(content.replace("${XIAOPENG_ONEBOT__TOKEN}", "a-token"))["network"]
    (client,) = network.pop("websocketClients")
    assert not any(network.values())
    bot = compose()["services"]["bot"]
    assert client["url"] == f"ws://bot:{bot['environment']['XIAOPENG_SERVER__PORT']}{PATH}"
    assert client["token"] == "a-token"
    assert (client["enable"], client["messagePostFormat"], client["reportSelfMessage"]) == (True, "array", False)


def test_compose_wants_the_keys_and_gives_no_power() -> None:
    bot = compose()["services"]["bot"]
    for name in ("XIAOPENG_WEB__PASSWORD", "XIAOPENG_ONEBOT__TOKEN"):
        assert re.fullmatch(rf"\$\{{{name}:\?.+\}}", bot["environment"][name])
    assert bot["read_only"] is True
    assert bot["tmpfs"] == ["/tmp"]  # noqa: S108 - the path inside the container
    assert bot["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in bot["security_opt"]
    assert not {"privileged", "cap_add", "devices"} & bot.keys()


def files(folder: Path) -> set[Path]:
    """All files of the image but those of its volume."""
    return {path for path in folder.rglob("*") if path.is_file() and folder / "data" not in path.parents}


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="image-") as name:
        yield Path(name)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(
    not all((ROOT / part).exists() for part in STARTED), reason="`python -m bot run` is not there to be started"
)
@pytest.mark.skipif(
    os.environ.get("REPLAY") != "1", reason="the Dockerfile's replay installs from the package index: set REPLAY=1"
)
def test_the_dockerfile_replayed_answers_healthz(folder: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    keys = {
        "XIAOPENG_SERVER__PORT": str(port),
        "XIAOPENG_WEB__PASSWORD": "open sesame, replay",
        "XIAOPENG_ONEBOT__TOKEN": "a-token-for-the-replay",
    }
    image = Replay(ROOT, folder)
    image.build()
    before = files(folder)
    log = folder / "data/log"
    running = image.start(keys, log)
    try:
        deadline = time.monotonic() + 30
        while not image.healthy(keys):
            assert running.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < deadline, log.read_text("utf-8")
            time.sleep(0.2)
        assert (folder / "data/xiaopeng.db").is_file()
    finally:
        running.terminate()
        try:
            code = running.wait(20)
        finally:
            running.kill()
    assert code == 0, log.read_text("utf-8")
    assert keys["XIAOPENG_ONEBOT__TOKEN"] not in log.read_text("utf-8")
    assert files(folder) == before, "outside /data the container is read-only"
