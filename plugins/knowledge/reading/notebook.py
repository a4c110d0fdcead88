"""Jupyter notebooks: Markdown cells as Markdown, code cells as fenced code, outputs left out."""

from __future__ import annotations

from typing import Any

import orjson

from plugins.knowledge.documents import Document, Unreadable
from plugins.knowledge.reading.encodings import decode
from plugins.knowledge.reading.markdown import scan
from plugins.knowledge.reading.outline import Outline, fenced


def read(name: str, data: bytes) -> Document:
    """A notebook of format 3 or 4."""
    try:
        notebook = orjson.loads(decode(data))
    except orjson.JSONDecodeError as error:
        raise Unreadable("这个 notebook 不是完整的 JSON，读不了。") from error
    outline = Outline()
    language = _language(notebook)
    for cell in _cells(notebook):
        source = _source(cell)
        if not source.strip():
            continue
        match cell.get("cell_type"):
            case "markdown":
                scan(f"{source}\n", outline)
            case "heading":
                level = cell.get("level")
                outline.heading(level if isinstance(level, int) else 1, source)
            case "code":
                outline.write(fenced(source.rstrip(), language) + "\n")
    return outline.document(name)


def _cells(notebook: object) -> list[dict[str, Any]]:
    cells: list[object] = []
    for page in [notebook, *_items(notebook, "worksheets")]:
        cells += _items(page, "cells")
    return [cell for cell in cells if isinstance(cell, dict)]


def _items(of: object, key: str) -> list[object]:
    value = of.get(key) if isinstance(of, dict) else None
    return value if isinstance(value, list) else []


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source.replace("\r\n", "\n").replace("\r", "\n") if isinstance(source, str) else ""


def _language(notebook: object) -> str:
    meta = notebook.get("metadata") if isinstance(notebook, dict) else None
    for key, field in (("language_info", "name"), ("kernelspec", "language")):
        part = meta.get(key) if isinstance(meta, dict) else None
        value = part.get(field) if isinstance(part, dict) else None
        if isinstance(value, str) and value.isalnum():
            return value
    return "python"
