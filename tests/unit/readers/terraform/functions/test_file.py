from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from skerry.base.finding import Place
from skerry.readers.terraform.evaluate import Evaluator, Fault
from skerry.readers.terraform.parse import parse_expression
from skerry.readers.terraform.syntax import Source
from skerry.readers.terraform.trace import Trace
from skerry.readers.terraform.value import Wrong


class Folder:
    """A scope of files alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trace = Trace()

    def name(self, name: str, place: Place) -> object:
        raise Wrong(f"nothing is named {name}")

    def read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError:
            raise Wrong(f"{path.name} cannot be read") from None


def value(folder: Path, text: str) -> object:
    source = Source("f", text)
    return Evaluator(Folder(folder), source).value(parse_expression(source))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("hello\n")
    (tmp_path / "b.bin").write_bytes(b"\xff\x00")
    (tmp_path / "t.tpl").write_text("Hi ${name}%{ for x in list ~}\n ${x}%{ endfor }!\n")
    (tmp_path / "broken.tpl").write_text("a\n${\n")
    return tmp_path


def test_files(folder: Path) -> None:
    digest = hashlib.sha256(b"hello\n")
    cases = [
        ('file("a.txt")', "hello\n"),
        ('fileexists("a.txt")', True),
        ('fileexists("nope")', False),
        ('filebase64("b.bin")', "/wA="),
        ('filesha256("a.txt")', digest.hexdigest()),
        ('filebase64sha256("./a.txt")', base64.b64encode(digest.digest()).decode()),
        ('filemd5("a.txt")', hashlib.md5(b"hello\n").hexdigest()),
        ('filesha1("a.txt")', hashlib.sha1(b"hello\n").hexdigest()),
        ('length(filesha512("a.txt"))', 128),
        ('length(filebase64sha512("a.txt"))', 88),
        ('fileset(".", "*.t*")', ["a.txt", "broken.tpl", "t.tpl"]),
        ('templatefile("t.tpl", { name = "Bo", list = [1, 2] })', "Hi Bo 1 2!\n"),
    ]
    assert [value(folder, text) for text, _ in cases] == [expected for _, expected in cases]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('file("nope")', "nope cannot be read"),
        ('file("b.bin")', "b.bin is no UTF-8 text"),
        ('templatefile("t.tpl", {})', "the template uses `name`, which it was not given"),
        ('templatefile("broken.tpl", {})', "broken.tpl:3:1: expected a value, but the file ends"),
    ],
)
def test_what_cannot_be_read(folder: Path, text: str, message: str) -> None:
    with pytest.raises(Fault) as caught:
        value(folder, text)
    assert caught.value.message == message
