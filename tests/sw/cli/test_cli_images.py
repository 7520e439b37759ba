"""Images that cannot be used: one line and exit code 2 from every command that takes one."""

import struct
from dataclasses import replace
from typing import Any
from zlib import crc32

import pytest

from sordino.image.image import ENTRY_BYTES, HEADER_BYTES, Image, Section

HEADER = struct.Struct("<8sHHIIII")
SECTIONS = [kind for kind in Section if kind is not Section.EXTERNAL]
HEAD_BYTES = HEADER_BYTES + ENTRY_BYTES * len(SECTIONS)


def with_header(contents: bytes, **changes: int) -> bytes:
    """The image with other header fields and a right checksum."""
    names = ("magic", "major", "minor", "config", "sections", "length", "crc")
    fields = dict(zip(names, HEADER.unpack_from(contents), strict=True)) | changes | {"crc": 0}
    head = bytearray(contents[:HEAD_BYTES])
    HEADER.pack_into(head, 0, *fields.values())
    struct.pack_into("<I", head, HEADER.size - 4, crc32(head))
    return bytes(head) + contents[HEAD_BYTES:]


def flipped(contents: bytes, at: int, bit: int = 3) -> bytes:
    changed = bytearray(contents)
    changed[at] ^= 1 << bit
    return bytes(changed)


def in_section(contents: bytes, section: Section) -> int:
    """A byte in the middle of a section."""
    at = HEADER_BYTES + ENTRY_BYTES * (section.value - 1)
    _, offset, size, _ = struct.unpack_from("<IIII", contents, at)
    assert size
    return offset + size // 2


BAD = {
    "empty": (lambda c: b"", "not a Sordino image (0 bytes"),
    "other file": (lambda c: b"RIFF" + bytes(100), "not a Sordino image"),
    "text": (lambda c: "töricht\n".encode() * 20, "make one with `sordino compile`"),
    "cut short": (lambda c: c[:-1], "bytes, the file has"),
    "header alone": (lambda c: c[:HEADER_BYTES], "bytes, the file has"),
    "half a header": (lambda c: c[:20], "not a Sordino image"),
    "too long": (lambda c: c + b"\0", "bytes, the file has"),
    "other major": (lambda c: with_header(c, major=1), "image format 1.0, this version reads 3.x"),
    "other machine": (lambda c: with_header(c, config=0x1234), "configuration 0x00001234"),
    "sections": (lambda c: with_header(c, sections=3), "the header says 3"),
    "flipped magic": (lambda c: flipped(c, 1), "not a Sordino image"),
    "flipped header": (lambda c: flipped(c, 12), "header is corrupt"),
    "flipped table": (lambda c: flipped(c, HEADER_BYTES + 12), "header is corrupt"),
    **{
        f"flipped {section.name}": (
            lambda c, section=section: flipped(c, in_section(c, section)),
            f"section {section.name} is corrupt",
        )
        for section in SECTIONS
    },
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_image(sordino, small_image, recording, tmp_path, kind):
    change, wanted = BAD[kind]
    path = tmp_path / "bad.sordino"
    path.write_bytes(change(small_image.read_bytes()))
    commands = (["run"], ["run", "--engine", "rtl"], ["cosim"], ["info"], ["report"])
    for command in (*commands, ["estimate"], ["disasm"]):
        inputs = [recording] if command[0] in ("run", "cosim") else []
        complaint = sordino(*command, path, *inputs).complaint()
        assert wanted in complaint
        assert str(path) in complaint


def test_another_minor_version_is_read(sordino, small_image, tmp_path):
    path = tmp_path / "later.sordino"
    path.write_bytes(with_header(small_image.read_bytes(), minor=7))
    assert sordino("info", path, "--json").json()["instructions"] > 10


class Written:
    """What no HostSection writes."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def as_dict(self) -> dict[str, Any]:
        return self.values


def with_host(image: Image, **changes: Any) -> bytes:
    host: Any = Written({**image.host.as_dict(), **changes})
    return replace(image, host=host).to_bytes()


HOSTS = {
    "tokens": ([1] * 12, "tokens as a list of strings"),
    "blank": (12, "blank as one of its 12 tokens, got 12"),
    "max_symbols": ("x", "max_symbols as a whole number"),
    "input": ({"count": -1}, "input.count as a whole number"),
    "search": ("x", "search as an object"),
    "model": ("x", "model as an object"),
    "licence": (3, "licence as text"),
    "chunk": (0, "chunk as a whole number from 1"),
    "sparsity": ([], "sparsity as a number from 0 to 1 or null"),
    "surprise": (1, "host section alone, got 'surprise'; known are entries"),
    "entrys": ({}, "host section alone, got 'entrys'; did you mean entries?"),
    "addresses": ({"main": "x"}, "addresses as an object"),
    "non_zeros": ("x", "non_zeros as a list of whole numbers"),
}


@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.parametrize("command", ["run", "info"])
def test_host_sections_that_somebody_changed(
    sordino, small_image, small_features, tmp_path, name, command
):
    value, wanted = HOSTS[name]
    path = tmp_path / "x.sordino"
    path.write_bytes(with_host(Image.load(small_image), **{name: value}))
    inputs = [small_features] if command == "run" else []
    complaint = sordino(command, path, *inputs).complaint()
    assert f"{path}: wanted " in complaint
    assert f"the image's {wanted}" in complaint


def test_tokens_without_text_are_said(sordino, small_image, small_features, tmp_path):
    path = tmp_path / "x.sordino"
    path.write_bytes(with_host(Image.load(small_image), tokens=["<blank>"]))
    report = sordino("run", path, small_features, "--json").json()
    assert report["inputs"][0]["tokens"]
    (said,) = report["warnings"]
    assert "(1 are named), which is left out of transcripts" in said


def test_files_that_never_end(sordino, recording):
    assert "not a Sordino image" in sordino("run", "/dev/zero", recording).complaint()


@pytest.mark.parametrize("command", ["run", "cosim", "info", "report", "disasm", "eval"])
def test_no_such_image(sordino, recording, tmp_path, command):
    inputs = {"run": [recording], "cosim": [recording]}.get(command, [])
    for path, reason in ((tmp_path / "none.sordino", "No such file"), (tmp_path, "Is a directory")):
        if command == "eval":
            (tmp_path / "0_a_0.wav").write_bytes(recording.read_bytes())
            inputs = ["--data", tmp_path, "--split", "test", "--engine", "golden"]
        complaint = sordino(command, path, *inputs).complaint()
        assert f"{path}: {reason}" in complaint


def test_info(sordino, small_image):
    report = sordino("info", small_image, "--json").json()
    assert report["config"]["name"] == "tiny"
    assert report["bytes"] == small_image.stat().st_size
    assert report["sections"].keys() == {section.name.lower() for section in SECTIONS}
    assert len(report["host"]["tokens"]) == 12
    text = sordino("info", small_image).out
    assert f"{report['bytes']:,}" in text
    assert "12 tokens" in text
    assert "Apache-2.0" in text


def test_info_of_a_frame(sordino, small_image, small_features):
    """Best and worst by tokens; a run of two frames lies between."""
    report = sordino("info", small_image, "--json").json()
    cycles, most = report["cycles"], report["host"]["max_symbols"]
    assert list(cycles["tokens"]) == [str(n) for n in range(most + 1)]
    assert cycles["frame"]["best"] == cycles["tokens"]["0"]["best"]
    assert cycles["frame"]["worst"] == cycles["tokens"][str(most)]["worst"]
    command = ("run", small_image, small_features, "--engine", "cycles", "--json")
    took = sordino(*command).json()["inputs"][0]["cycles"]
    for bound, sign in (("best", 1), ("worst", -1)):
        whole = sum(cycles[name][bound] for name in ("start", "end"))
        assert sign * (whole + 2 * cycles["frame"][bound]) <= sign * took
    text = sordino("info", small_image).out
    clock = report["config"]["clock_hz"]
    assert f"at {clock / 1e6:g} MHz" in text
    assert f" {cycles['frame']['worst']:,} │" in text
    assert f" {cycles['frame']['worst'] / clock * 1e3:.3f} │" in text


def test_info_of_an_image_that_no_engine_takes(sordino, small_image, tmp_path):
    image = Image.load(small_image)
    path = tmp_path / "bad.sordino"
    program = image.program[:-1] + image.program[:1]
    path.write_bytes(replace(image, program=program).to_bytes())
    assert sordino("info", path, "--json").json()["cycles"] is None
    assert "best cycles" not in sordino("info", path).out


def test_disasm(sordino, small_image):
    lines = sordino("disasm", small_image).out.splitlines()
    assert any("MATVEC" in line and "encoder.0" in line for line in lines)
    assert any("HALT" in line for line in lines)
