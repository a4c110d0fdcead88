"""Reads files into documents: one module per format, and one door for all of them.

A library that knows nothing of the bot. A file may be hostile: whatever is wrong with it ends as `Unreadable`, and
each format bounds the time and the memory that it takes. Reading blocks: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from plugins.knowledge.documents import Document, Unreadable
from plugins.knowledge.reading import docx, html, markdown, notebook, pdf, rst, table

__all__ = ["ADVICE", "LIMIT", "READABLE", "read"]

LIMIT = 20 * 1024 * 1024
"""Bytes of a file."""
_READERS: dict[str, Callable[[str, bytes], Document]] = {
    ".md": markdown.read,
    ".markdown": markdown.read,
    ".mdx": markdown.read,
    ".rst": rst.read,
    ".txt": table.read_text,
    ".csv": table.read,
    ".tsv": table.read,
    ".html": html.read,
    ".htm": html.read,
    ".ipynb": notebook.read,
    ".docx": docx.read,
    ".pdf": pdf.read,
}
READABLE = frozenset(_READERS)
"""The suffixes of files that can be read."""
ADVICE = "能读 Markdown、RST、TXT、HTML、问答表（CSV、TSV）、Jupyter notebook、Word（docx）和 PDF。"


def read(name: str, data: bytes) -> Document:
    """The document in a file; `name` tells the format by its suffix. Raises Unreadable and nothing else."""
    reader = _READERS.get(PurePosixPath(name.replace("\\", "/")).suffix.lower())
    if reader is None:
        raise Unreadable(f"不认识这种文件。{ADVICE}")
    if len(data) > LIMIT:
        raise Unreadable(f"超过 {LIMIT // 1024 // 1024} MB，请拆成几个文件。")
    try:
        document = reader(name, data)
    except Unreadable:
        raise
    except Exception as error:  # the parsers' own failures over broken files are of every kind
        raise Unreadable(f"文件坏了，读不了（{type(error).__name__}）。") from error
    if not document.sections:
        raise Unreadable("里面没有文字。")
    return document
