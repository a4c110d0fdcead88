"""What was fetched from the web, under a name that tells its format."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import urlsplit, urlunsplit

from bot.api import Fetched
from plugins.knowledge.documents import Unreadable
from plugins.knowledge.reading import ADVICE, READABLE

TYPES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/x-rst": ".rst",
    "application/pdf": ".pdf",
    "application/x-ipynb+json": ".ipynb",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
}
"""The kinds of content that say all by themselves."""
VAGUE = frozenset({"", "text/plain", "application/json", "application/octet-stream", "binary/octet-stream"})
"""Kinds under which servers send files of every format: the name tells more."""


def is_url(target: str) -> bool:
    """Whether a target is an address on the web and no file."""
    return target.lower().startswith(("http://", "https://"))


def source(url: str) -> str:
    """What a document from an address is known by: the address without a fragment, and without a password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def named(fetched: Fetched) -> str:
    """A file name for it whose suffix tells the format. Raises Unreadable where none fits."""
    name = PurePosixPath(fetched.name or "page")
    if fetched.mime in TYPES:
        return f"{name.stem}{TYPES[fetched.mime]}"
    if fetched.mime in VAGUE and name.suffix.lower() in READABLE:
        return name.name
    if fetched.mime == "text/plain":
        return f"{name.name}.txt"
    raise Unreadable(f"那里是 {fetched.mime or '说不清的东西'}，读不了。{ADVICE}")
