"""The knowledge bench runs, and its figures are those of what it was given. Nothing here is timed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.figures import Unmeasured
from bench.knowledge import knowledge
from bench.knowledge.corpus import Passage, corpus
from bench.knowledge.hits import hits
from bench.knowledge.scale import scale
from bench.knowledge.silence import silence
from bench.process import ROOT

PASSAGES = [
    Passage("蓝鲸是现存最大的动物，体长可达三十米。它以磷虾为食。", ("蓝鲸吃什么？", "现存最大的动物是什么？")),
    Passage("茶树原产于中国西南，唐代陆羽写了《茶经》。", ("谁写了茶经？",)),
    Passage("本文没有被问到。", ()),
]


def test_reads_the_file_as_it_is_published(tmp_path: Path) -> None:
    paragraphs = [{"context": one.text, "qas": [{"question": ask} for ask in one.questions]} for one in PASSAGES]
    file = tmp_path / "dev.json"
    file.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}), encoding="utf-8")
    assert corpus(file) == PASSAGES


@pytest.mark.parametrize("content", ["", "{}", '{"data": [1]}'])
def test_says_where_the_file_is_to_be_had(tmp_path: Path, content: str) -> None:
    file = tmp_path / "dev.json"
    file.write_text(content, encoding="utf-8")
    for given in (file, tmp_path / "nowhere", None):
        with pytest.raises(Unmeasured, match=r"github\.com/ymcui/cmrc2018"):
            knowledge(given)


def test_counts_what_stands_first() -> None:
    assert [figure.value for figure in hits(PASSAGES)] == [1, 1]
    swapped = [Passage(PASSAGES[1].text, PASSAGES[0].questions), Passage(PASSAGES[0].text, PASSAGES[1].questions)]
    assert [figure.value for figure in hits(swapped)] == [0, 0]


def test_measures_a_shelf_of_any_size() -> None:
    figures = scale(PASSAGES, 2_000)
    assert [figure.unit for figure in figures][:4] == ["s", "ms", "ms", "ms"]
    assert all(figure.value > 0 and figure.target in (None, 1.1) for figure in figures)


def test_the_gate_is_measured_by_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    text = "# mmdeploy\n\n## 安装 TensorRT\n\nmmdeploy 的 TensorRT 后端需要 CUDA 11.3，先装 cuDNN 再编译。\n"
    (tmp_path / "docs" / "a.md").write_text(text, encoding="utf-8")
    (tmp_path / "docs" / "broken.md").write_bytes(b"\0\0")
    (tmp_path / "gt_good.txt").write_text("mmdeploy 的 TensorRT 后端怎么安装？\n", encoding="utf-8")
    (tmp_path / "gt_bad.txt").write_text("晚上吃什么？\n早啊\n", encoding="utf-8")
    f1, _, silent = silence(tmp_path, tmp_path / "docs")
    assert f1.value == 1
    assert silent.value == pytest.approx(2 / 3)
    with pytest.raises(Unmeasured, match=r"gt_good\.txt"):
        silence(tmp_path / "docs", tmp_path / "docs")


@pytest.mark.parametrize("command", [["-m", "bench.knowledge"], ["bench/knowledge"]])
def test_runs_by_name_and_as_a_folder(command: list[str]) -> None:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "squad-style-data/cmrc2018_dev.json" in done.stdout
