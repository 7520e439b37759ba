"""What of an image beside its program the exact machine refuses, and in which words."""

import re
from dataclasses import replace

import pytest

from sordino.image.checks.verify import verify
from sordino.image.tans import Symbol
from sordino.isa.operations import Add, Halt, Input
from tests.hw.image.faulty import CONFIG, STATES, image, make, refused


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        ((Symbol(127, 1, STATES),), "table 1 holds values 127 to 128, wanted int8 values alone"),
        ((Symbol(-129, 0, STATES),), "table 1 holds values -129 to -129, wanted int8 values alone"),
        (
            (Symbol(0, 0, STATES, padding=True),),
            "table 1 holds a padding symbol, wanted int8 values alone",
        ),
        (
            (Symbol(0, 0, STATES - 1), Symbol(97, 6, 1, mirrored=True)),
            "table 1 holds values 97 to 128, wanted int8 values alone",
        ),
        (
            (Symbol(-128, 7, STATES),),
            "table 1 holds a symbol of 128 values, wanted 64 at most",
        ),
    ],
)
def test_value_tables_hold_int8(symbols: tuple[Symbol, ...], message: str) -> None:
    wrong = replace(image(), tables=(image().tables[0], symbols))
    assert refused(wrong) == f"instruction 1 (TABLE): {message}"


def test_run_tables_hold_no_negative_run() -> None:
    wrong = replace(image(), tables=((Symbol(-1, 2, STATES),), image().tables[1]))
    assert refused(wrong) == "instruction 0 (TABLE): table 0 holds run -1, wanted none below 0"
    mirrored = (Symbol(0, 0, STATES - 1), Symbol(2, 2, 1, mirrored=True))
    wrong = replace(image(), tables=(mirrored, image().tables[1]))
    assert refused(wrong) == "instruction 0 (TABLE): table 0 holds a mirrored symbol, wanted runs"


def test_tables_must_expand() -> None:
    wrong = replace(image(), tables=((Symbol(0, 0, 3),), image().tables[1]))
    assert refused(wrong) == "table 0: wanted frequencies to be positive and sum to 256, got [3]"


def does_not_fit(what: str, setting: str, needed: int, available: int) -> str:
    return (
        f"does not fit: {setting}: {what} need {needed}, the configuration has {available}; "
        f"raise {setting} to {needed}"
    )


def test_sections_must_fit_the_configuration() -> None:
    base = image()
    halt = (Halt(),)
    assert refused(replace(base, program=halt * 17)) == does_not_fit(
        "instructions", "program_words", 17, 16
    )
    assert refused(replace(base, parameters=bytes(16 * 31))) == does_not_fit(
        "words of parameters", "parameter_words", 31, 30
    )
    assert refused(replace(base, tables=base.tables * 3)) == does_not_fit(
        "decoder tables", "tables", 6, 4
    )
    assert refused(replace(base, matrices=base.matrices * 3)) == does_not_fit(
        "matrices", "matrices", 3, 2
    )
    assert refused(replace(base, parameters=bytes(17))) == (
        "parameter section is not a whole number of 128-bit words"
    )
    assert refused(replace(base, program=())) == (
        "the program has no instructions; it should at least HALT"
    )


def test_streams_must_fit_the_configuration() -> None:
    base, entry = image(), image().matrices[0]
    groups = replace(
        base,
        matrices=(replace(entry, position_bits=(1, 16 * 90 + 1)),),
        positions=(bytes(2), bytes(182)),
    )
    assert refused(groups) == does_not_fit("position streams of group 1", "group_words", 91, 90)
    lanes = replace(
        base,
        matrices=(replace(entry, value_bits=(1, 1, 16 * 101, 1)),),
        values=(bytes(2), bytes(2), bytes(202), bytes(2)),
    )
    assert refused(lanes) == does_not_fit("value streams of lane 2", "lane_words", 101, 100)


def test_directory_must_agree_with_the_streams() -> None:
    base, entry = image(), image().matrices[0]
    wrong = replace(
        base, matrices=(replace(entry, position_bits=(16 * 7, entry.position_bits[1])),)
    )
    held = len(base.positions[0]) // 2
    assert refused(wrong) == (
        f"group 0: the directory counts 7 words of position streams, there are {held}; "
        "compile again"
    )
    assert refused(replace(base, values=base.values[:3])) == (
        "wanted value streams of 4 lanes, got 3"
    )
    short = replace(base, matrices=(replace(entry, places=(1,)),))
    assert refused(short) == (
        "matrix 0: wanted places and bits of 2 groups and bits of 4 lanes, got (1, 2, 4); "
        "compile again"
    )


def test_all_settings_that_are_too_small_are_said_at_once() -> None:
    """With their numbers, which are enough."""
    wrong = image(make(Add, a=60, b=0), make(Input, destination=70))
    wrong = replace(wrong, parameters=bytes(16 * 31), tables=wrong.tables * 3)
    message = refused(wrong)
    raised = dict(re.findall(r"raise (\w+) to (\d+)", message))
    assert raised.keys() == {"parameter_words", "tables", "state_words", "activation_words"}
    config = replace(CONFIG, **{name: int(n) for name, n in raised.items()})
    verify(replace(wrong, config=config))


def test_thousands_are_separated() -> None:
    config = replace(CONFIG, activation_words=2000)
    wrong = replace(image(make(Input, destination=1999, count=3)), config=config)
    assert refused(wrong).endswith(
        "destination takes words 1,999 to 2,001, the configuration has 2,000; "
        "raise activation_words to 2002"
    )
