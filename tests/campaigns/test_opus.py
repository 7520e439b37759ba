"""Lattices beside Opus: packets are counted without their container."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import opus
from campaigns.opus import measure, packet_sizes
from sordino.errors import InputError


def ogg(packets: list[int], segments: int) -> bytes:
    """A file of packets of these sizes, with so many segments a page."""
    lacing = [v for size in packets for v in (*[255] * (size // 255), size % 255)]
    pages = [lacing[first : first + segments] for first in range(0, len(lacing), segments)]
    return b"".join(
        b"OggS" + bytes(22) + bytes([len(page), *page]) + b"O" * sum(page) for page in pages
    )


@given(packets=st.lists(st.integers(0, 1200), max_size=12), segments=st.integers(1, 255))
def test_packets_lie_on_pages_in_any_way(packets: list[int], segments: int) -> None:
    assert packet_sizes(ogg(packets, segments)) == packets


@given(st.integers(1, 60))
def test_what_is_cut_or_no_ogg_is_refused(cut: int) -> None:
    data = ogg([40, 300, 7], 2)
    for bad in (data[:-cut], b"x" + data, data + b"OggS", data[:27] + b"\xff" * 27):
        with pytest.raises(InputError, match=r"wanted .* of Ogg.*, got .*; encode it again"):
            packet_sizes(bad)


def test_a_program_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for missing, package in (("flite", "flite"), ("opusenc", "opus-tools")):
        monkeypatch.setattr(
            opus.shutil, "which", lambda name, missing=missing: None if name == missing else name
        )
        with pytest.raises(InputError, match=f"wanted {missing}, .*found none.*{package}"):
            opus._check_programs()


@pytest.mark.skipif(
    not (shutil.which("flite") and shutil.which("opusenc")), reason="needs flite and opusenc"
)
def test_two_words(tmp_path: Path) -> None:
    sent, said = measure(["YES", "NO"], tmp_path)
    assert len(said) == 2
    for each, path in zip(sent, sorted(tmp_path.glob("*.wav")), strict=True):
        assert each.samples < path.stat().st_size < each.samples + 100
        file = path.with_suffix(".opus").stat().st_size
        assert each.lattice * 10 < each.opus < file - 200
        assert each.opus * 8 / each.seconds == pytest.approx(16_000, rel=0.6)
