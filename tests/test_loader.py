"""Which plugins are found, and which are refused."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from bot import loader
from bot.api import Context, Plugin, command
from bot.control import Control
from bot.errors import ConfigError

OWN = '''
from bot.api import Context, Plugin, command


class Tea(Plugin, title="{title}"):
    """泡茶"""

    @command("{command}", "tea")
    async def tea(self, ctx: Context) -> str:
        """泡茶：/茶"""
        return "请喝茶"
'''


def names(folder: Path | None = None) -> set[str]:
    return {kind.plugin_name for kind in loader.plugins_of(loader.modules(folder))}


def test_the_shipped_ones_are_found() -> None:
    assert names() >= {"welcome", "ask", "status"}


def test_an_operators_folder_adds_files_and_packages(tmp_path: Path) -> None:
    (tmp_path / "tea.py").write_text(OWN.format(title="茶", command="茶"))
    (tmp_path / "_draft.py").write_text("this is no python")
    (tmp_path / "notes.txt").write_text("nor is this")
    package = tmp_path / "coffee"
    package.mkdir()
    (package / "__init__.py").write_text(OWN.format(title="咖啡", command="咖啡").replace("Tea", "Coffee"))
    assert names(tmp_path) - names() == {"tea", "coffee"}


def test_a_package_may_define_its_plugins_in_its_modules(tmp_path: Path) -> None:
    package = tmp_path / "kitchen"
    package.mkdir()
    (package / "__init__.py").write_text("from bot.control import Control\nfrom .tea import Tea\n")
    (package / "tea.py").write_text(OWN.format(title="茶", command="茶"))
    (package / "cake.py").write_text(OWN.format(title="糕", command="糕").replace("Tea", "Cake"))
    assert names(tmp_path) - names() == {"tea"}


def test_a_module_does_not_own_what_another_of_a_longer_name_defines() -> None:
    tea, teapot = ModuleType("tea"), ModuleType("teapot")
    exec(OWN.format(title="壶", command="壶"), vars(teapot))  # noqa: S102 - a source text of this file
    vars(tea)["Tea"] = vars(teapot)["Tea"]
    assert [kind.plugin_title for kind in loader.plugins_of([teapot])] == ["壶"]
    assert loader.plugins_of([tea]) == []


def test_a_plugin_that_does_not_load_is_named(tmp_path: Path) -> None:
    (tmp_path / "tea.py").write_text("import nothing_of_this_name")
    with pytest.raises(ConfigError, match=r"tea\.py.*nothing_of_this_name"):
        names(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="XIAOPENG_PLUGINS"):
        names(tmp_path / "nowhere")


class Left(Plugin, title="左"):
    @command("走", "go")
    async def go(self, ctx: Context) -> None:
        """走"""


class Right(Plugin, title="右"):
    @command("去", "GO")
    async def go(self, ctx: Context) -> None:
        """去"""


class AlsoLeft(Plugin, title="左", name="other"):
    """又一个左"""


class Stubborn(Plugin, title="顽固", fixed=True):
    """关不掉"""


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ([Left, Right], ["Left", "Right", "command go"]),
        ([Left, AlsoLeft], ["Left", "AlsoLeft", "左"]),
        ([Control, Stubborn], ["Stubborn", "fixed"]),
    ],
)
def test_a_clash_stops_the_start_and_names_both(kinds: list[type[Plugin]], words: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        loader.catalog(kinds)
    assert all(word in str(refused.value) for word in words)
