"""The passages and questions of CMRC 2018, as its authors publish them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Unmeasured

WHERE = (
    "It needs cmrc2018_dev.json (848 passages, 3,219 questions, CC BY-SA 4.0): take squad-style-data/cmrc2018_dev.json"
    " from github.com/ymcui/cmrc2018, and name it: python -m bench.knowledge cmrc2018_dev.json"
)


@dataclass(frozen=True, slots=True)
class Passage:
    text: str
    questions: tuple[str, ...]


def corpus(file: Path) -> list[Passage]:
    """Read the file. Raises Unmeasured where it is something else."""
    try:
        articles = json.loads(file.read_text(encoding="utf-8"))["data"]
        return [
            Passage(paragraph["context"], tuple(asked["question"] for asked in paragraph["qas"]))
            for article in articles
            for paragraph in article["paragraphs"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unmeasured(f"{file} cannot be read ({type(error).__name__}). {WHERE}") from error
