"""Word and PDF files, made here byte by byte."""

from __future__ import annotations

import sys
import zipfile
from contextlib import suppress
from io import BytesIO

import pypdf
import pytest

from plugins.knowledge.documents import Document, Section, Unreadable
from plugins.knowledge.reading import docx as word
from plugins.knowledge.reading import pdf, read

NAMESPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
STYLES = """
<w:style w:styleId="a"><w:name w:val="Title"/></w:style>
<w:style w:styleId="1"><w:name w:val="heading 1"/><w:basedOn w:val="z"/>
<w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style>
<w:style w:styleId="x"><w:name w:val="我的"/><w:basedOn w:val="y"/></w:style>
<w:style w:styleId="y"><w:name w:val="标题 2"/></w:style>
<w:style w:styleId="z"><w:name w:val="甲"/><w:basedOn w:val="z"/></w:style>
"""


def archive(parts: dict[str, str]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, text in parts.items():
            opened.writestr(name, text)
    return file.getvalue()


def body(text: str) -> str:
    return f'<?xml version="1.0"?><w:document {NAMESPACE}><w:body>{text}</w:body></w:document>'


def paragraph(text: str, style: str = "") -> str:
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'


def docx(text: str, main: str = "word/document.xml") -> bytes:
    target = f'<Relationships><Relationship Type="http://x/officeDocument" Target="{main}"/></Relationships>'
    styles = f"<w:styles {NAMESPACE}>{STYLES}</w:styles>"
    return archive({"_rels/.rels": target, main: body(text), "word/styles.xml": styles})


def test_a_word_file_is_read_under_its_headings() -> None:
    item = "<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>一</w:t></w:r><w:r><w:tab/><w:t>二</w:t></w:r></w:p>"
    text = paragraph("手册", "a") + paragraph("安装", "1") + paragraph("先 &lt;下&gt;载", "z") + paragraph("Linux", "x")
    document = read("a.docx", docx(text + item, main="word/document2.xml"))
    assert document == Document("手册", (Section(("安装",), "先 <下>载"), Section(("安装", "Linux"), "- 一\t二")))


def test_a_table_in_word_is_lines() -> None:
    cell = f"<w:tc>{paragraph('甲')}{paragraph('乙', '1')}</w:tc>"
    text = f"<w:tbl><w:tr>{cell}<w:tc>{paragraph('丙')}</w:tc></w:tr><w:tr>{cell}</w:tr></w:tbl>{paragraph('尾')}"
    assert read("a.docx", docx(text)).sections == (Section((), "甲 乙 | 丙\n甲 乙\n\n尾"),)


def test_what_was_deleted_in_word_is_gone() -> None:
    gone = "<w:del><w:r><w:t>删</w:t></w:r></w:del><w:moveFrom><w:r><w:t>移</w:t></w:r></w:moveFrom>"
    text = f"<w:p>{gone}<w:r><w:delText>删</w:delText><w:instrText>域</w:instrText><w:t>留</w:t></w:r></w:p>"
    assert read("a.docx", docx(text)).sections == (Section((), "留"),)


BOMB = "<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'><!ENTITY c '&b;&b;&b;'>]>" + body(paragraph("&c;")).partition("?>")[2]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "旧版"),
        (b"PK\3\4" + b"x" * 100, "不完整"),
        (archive({"a.txt": "x"}), "不完整"),
        (docx(paragraph("文"))[:-30], "不完整"),
        (docx("<w:p>"), "坏了"),
        (docx(paragraph(" " * (word.INFLATED + 1))), "解压后太大"),
        (docx("<w:p/>" * (word.ELEMENTS + 1)), "太多"),
        (docx("<w:p>" * 5000), "太深"),
        (archive({"word/document.xml": BOMB}), "声明"),
        (docx(""), "没有文字"),
    ],
    ids=["old", "junk", "no word", "cut", "open", "bomb", "many", "deep", "entities", "empty"],
)
def test_a_bad_word_file_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read("a.docx", data)


# --- PDF --------------------------------------------------------------------------------------


def pages(*texts: str) -> pypdf.PdfWriter:
    """A PDF that has each text on a page of its own."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    kids = []
    for text in texts:
        stream = f"BT /F 12 Tf 9 99 Td ({text}) Tj ET".encode()
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream))
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents %d 0 R/Resources<</Font<</F 3 0 R>>>>>>"
            % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), b" ".join(kids))
    data, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    data += b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\n" % (size, table, size)
    return pypdf.PdfWriter(clone_from=BytesIO(data + b"startxref\n%d\n%%%%EOF\n" % data.index(b"xref\n0")))


def saved(writer: pypdf.PdfWriter) -> bytes:
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def test_a_pdf_is_read_page_by_page_under_its_bookmarks() -> None:
    writer = pages("first", "second", "third")
    writer.add_metadata({"/Title": "A  guide"})
    chapter = writer.add_outline_item(title="Install", page_number=1)
    writer.add_outline_item(title="Linux", page_number=2, parent=chapter)
    assert read("a.pdf", saved(writer)) == Document(
        "A guide",
        (
            Section(("第 1 页",), "first"),
            Section(("Install", "第 2 页"), "second"),
            Section(("Install", "Linux", "第 3 页"), "third"),
        ),
    )


def test_a_pdf_without_a_title_is_called_by_its_name() -> None:
    assert read("x/指南.PDF", saved(pages("text"))).title == "指南"


def test_a_scanned_pdf_is_named() -> None:
    with pytest.raises(Unreadable, match="文字识别"):
        read("a.pdf", saved(pages("")))


def test_an_encrypted_pdf_is_named() -> None:
    writer = pages("text")
    writer.encrypt("secret", algorithm="RC4-128")
    with pytest.raises(Unreadable, match="加了密"):
        read("a.pdf", saved(writer))


def test_a_pdf_of_too_many_pages_is_named() -> None:
    writer = pypdf.PdfWriter()
    for _ in range(pdf.PAGES + 1):
        writer.add_blank_page(9, 9)
    with pytest.raises(Unreadable, match="2000 页"):
        read("a.pdf", saved(writer))


def test_a_pdf_that_unpacks_to_too_much_is_named() -> None:
    writer = pages("text")
    stream = pypdf.generic.DecodedStreamObject()
    stream.set_data(b" " * (pdf.UNPACKED + 1))
    writer.pages[0][pypdf.generic.NameObject("/Contents")] = writer._add_object(stream.flate_encode())
    with pytest.raises(Unreadable, match="太大"):
        read("a.pdf", saved(writer))


def test_a_slow_pdf_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "SECONDS", -1)
    with pytest.raises(Unreadable, match="还没读完"):
        read("a.pdf", saved(pages("text")))


@pytest.mark.parametrize("cut", [20, 200, 500])
def test_a_cut_pdf_is_read_or_named(cut: int) -> None:
    with suppress(Unreadable):
        assert read("a.pdf", saved(pages("text", "more"))[:-cut]).sections


def test_a_broken_pdf_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Unreadable, match="坏了"):
        read("a.pdf", b"%PDF-1.4\n" + b"startxref\n0\n" * 100)
    assert not caplog.records


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdf", None)
    with pytest.raises(Unreadable, match=r"ouxiaopeng\[documents\]"):
        read("a.pdf", b"%PDF-1.4\n")
