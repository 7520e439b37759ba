"""Frames as bytes: whole ones come out as they went in, in any pieces; others do not come out."""

from random import Random
from zlib import crc32

import pytest
from amaranth.lib import data
from hypothesis import given
from hypothesis import strategies as st

from sordino.frames import format
from sordino.frames.codec import Decoder, encode, pack, unpack
from sordino.frames.format import (
    CRC_RESIDUE,
    ESCAPE,
    FLAG,
    MOST_WORDS,
    OVERHEAD_WORDS,
    Answer,
    Command,
    Outcome,
    Request,
)

WORDS = st.lists(
    st.integers(0, 0xFFFF_FFFF)
    | st.lists(st.sampled_from([FLAG, ESCAPE, FLAG ^ 0x20, 0]), min_size=4, max_size=4).map(
        lambda four: int.from_bytes(bytes(four), "little")
    ),
    min_size=1,
    max_size=MOST_WORDS + 1,
)
"""What a frame may hold; many of the bytes are those that are escaped."""


def cut(stream, pieces):
    """A stream in pieces whose lengths are given."""
    at = 0
    for length in pieces:
        yield stream[at : at + length]
        at += length
    yield stream[at:]


def understood(*pieces):
    decoder = Decoder()
    return [words for piece in pieces for words in decoder.push(piece)]


def test_a_frame_is_its_words_and_their_crc_between_flags():
    body = bytes(range(8))
    words = [0x0302_0100, 0x0706_0504]
    crc = crc32(body).to_bytes(4, "little")
    assert encode(words) == bytes([FLAG]) + body + crc + bytes([FLAG])
    assert crc32(body + crc) ^ 0xFFFF_FFFF == CRC_RESIDUE
    assert encode([FLAG | ESCAPE << 8])[1:7] == bytes([ESCAPE, 0x5E, ESCAPE, 0x5D, 0, 0])


@given(st.lists(WORDS, max_size=4), st.lists(st.integers(0, 40), max_size=9))
def test_frames_come_out_in_any_pieces(frames, pieces):
    stream = b"".join(map(encode, frames))
    assert FLAG not in b"".join(encode(words)[1:-1] for words in frames)
    assert understood(*cut(stream, pieces)) == frames
    one_flag = stream.replace(bytes([FLAG, FLAG]), bytes([FLAG]))
    assert understood(*cut(one_flag, pieces)) == frames


@given(st.binary(max_size=80), WORDS, st.lists(st.integers(0, 40), max_size=5))
def test_behind_any_noise_the_next_frame_is_understood(noise, words, pieces):
    found = understood(*cut(noise + encode(words) + encode([1, 2]), pieces))
    assert found[-2:] == [words, [1, 2]]
    assert len(found) == 2, "noise is no frame"


@given(WORDS, st.data())
def test_a_frame_with_a_fault_is_none(words, more):
    frame = bytearray(encode(words)[1:-1])
    at = more.draw(st.integers(0, len(frame) - 1))
    kind = more.draw(st.sampled_from(["flip", "cut", "add"]))
    if kind == "flip":
        frame[at] ^= more.draw(st.integers(1, 255))
    elif kind == "cut":
        del frame[at]
    else:
        frame.insert(at, more.draw(st.integers(0, 255)))
    decoder = Decoder()
    flag = bytes([FLAG])
    assert list(decoder.push(flag + bytes(frame) + flag + encode([7]))) == [[7]]
    assert decoder.dropped >= 1


@pytest.mark.parametrize("words", [[], list(range(MOST_WORDS + OVERHEAD_WORDS))])
def test_what_is_too_short_or_too_long_is_no_frame(words):
    assert understood(encode(words), encode([3])) == [[3]]


def test_what_never_ends_takes_no_memory():
    decoder = Decoder()
    for _ in range(1000):
        assert not list(decoder.push(bytes(1000)))
    assert len(decoder._rest) < 3000
    assert list(decoder.push(encode([5]))) == [[5]]


def test_a_hundred_thousand_faults():
    """A frame with faults, then one that is whole, over and over."""
    random, decoder = Random("faults"), Decoder()
    faults = number = 0
    while faults < 100_000:
        number += 1
        words = [number, random.getrandbits(32)]
        bad = bytearray(encode([0xBAD, *words]))[1:-1]
        for _ in range(random.randrange(1, 9)):
            faults += 1
            at = random.randrange(len(bad))
            bad[at : at + random.randrange(2)] = random.randbytes(random.randrange(2))
            bad = bad or bytearray(1)
        found = list(decoder.push(bytes([FLAG]) + bytes(bad) + encode(words)))
        assert found[-1] == words
        assert all(each == [0xBAD, *words] for each in found[:-1]), "the faults changed nothing"


@given(
    st.integers(0, 255),
    st.sampled_from(Command),
    st.booleans(),
    st.booleans(),
    st.integers(0, 15),
    st.integers(0, 0xFFFF),
)
def test_a_header_keeps_its_fields(sequence, command, advance, chained, strobe, address):
    fields = {
        "sequence": sequence,
        "command": command,
        "advance": advance,
        "chained": chained,
        "strobe": strobe,
        "address": address,
    }
    found = unpack(Request, pack(Request, **fields))
    assert {name: getattr(found, name) for name in fields} == fields


def test_an_outcome_without_a_name_is_an_error():
    word = pack(Answer, outcome=Outcome.EVENT) | 7 << 8
    with pytest.raises(ValueError, match="not a valid"):
        _ = unpack(Answer, word).outcome


@pytest.mark.parametrize("layout", [Request, Answer])
def test_a_header_is_a_word(layout):
    assert data.Layout.cast(layout).size == 32
    assert format.VERSION < 16
    assert MOST_WORDS < 256
