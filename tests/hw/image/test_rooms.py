"""Rooms in the host section, and where streams begin that are in one."""

import json

import pytest

from sordino.arch import PRESETS
from sordino.image.host import HostSection, ImageError
from sordino.image.packing import MatrixStreams
from sordino.image.rooms import NOTHING, SegmentRoom, bounds, starts, stored_words
from sordino.image.segments.segment import _WithRooms
from sordino.isa.registers import LoadTarget

ROOM = SegmentRoom(
    number=2, filled=1, matrices=(1, 2), positions=(10, 4), values=(20, 8), parameters=(7, 3),
    tables=(2, 1),
)  # fmt: skip


def test_rooms_are_read_and_written() -> None:
    section = HostSection(segments={"catalogue": ROOM})
    read = HostSection.from_json(json.dumps(section.as_dict()))
    assert read.segments == {"catalogue": ROOM}
    assert "segments" not in HostSection().as_dict()


@pytest.mark.parametrize(
    ("segments", "words"),
    [
        ([], "an object of names"),
        ({"a": 3}, "segments.a"),
        ({"a": {**ROOM.as_dict(), "rows": 3}}, "rows"),
        ({"a": {**ROOM.as_dict(), "number": 8}}, "0 to 7"),
        ({"a": {"number": 1}}, "segments.a.filled"),
        ({"a": {**ROOM.as_dict(), "tables": [1]}}, "a list of 2"),
    ],
)
def test_a_room_that_is_none_is_refused(segments: object, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        HostSection.from_json({"segments": segments})


def test_streams_of_a_room_begin_where_it_does() -> None:
    matrices = tuple(MatrixStreams((n,), (10 * n,), (100 * n,)) for n in (1, 2, 3, 4))
    placed = _WithRooms(matrices, [ROOM])
    assert starts(placed, values=False, unit=0) == [0, 320, 340, 10]
    assert starts(placed, values=True, unit=0) == [0, 640, 840, 100]
    assert stored_words(placed, values=False, unit=0) == -(-370 // 16)
    assert stored_words(_WithRooms(matrices, []), values=True, unit=0) == -(-1000 // 16)


def test_bounds_are_where_the_first_room_begins() -> None:
    other = ROOM.changed(number=1, positions=(14, 5), values=(4, 16), tables=(0, 0))
    found = bounds([ROOM, other], PRESETS["small"])
    assert found == {
        LoadTarget.PROGRAM: NOTHING,
        LoadTarget.PARAMETERS: 28,
        LoadTarget.TABLES: 2 * PRESETS["small"].states * 2,
        LoadTarget.GROUP_DIRECTORY: 2,
        LoadTarget.LANE_DIRECTORY: 1,
        LoadTarget.POSITIONS: 10,
        LoadTarget.VALUES: 4,
        LoadTarget.EXTERNAL_DIRECTORY: NOTHING,
    }
    assert set(bounds([], PRESETS["small"]).values()) == {NOTHING}
