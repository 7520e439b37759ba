"""The host section: what is declared is read and written back, all else is refused by everyone."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.engine import Cycles
from sordino.decode.machine_transducer import MachineTransducer
from sordino.engines.amaranth.amaranth_sim import AmaranthSim
from sordino.engines.native.rtl import Rtl
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.image.host import HostSection, ImageError, InputFormat, NetworkSection
from sordino.image.image import Image
from sordino.image.section.features import ImageFeatures
from sordino.model.random_rnnt import random_model
from sordino.schema.kinds import Choice, Kind, Many, Map, Number, Or, Text, Whole
from sordino.schema.record import Nested, Record
from sordino.speech.features import FeatureDefinition
from sordino.speech.transcript import text_of

SHIPPED = Path(__file__).parents[3] / "models" / "an4_rnnt_g4_80.sordino"
IMAGE = compile_model(
    random_model(1, time_reduction=(1, 2), encoder=(8, 6)),
    PRESETS["tiny"],
    CompileOptions(weight_bits=5, layer_bits=(("joint.*", 6),), clip=4.0, blank_penalty=0.5),
).image
HOST: dict[str, Any] = IMAGE.host.as_dict()


class Written:
    """A host section as nobody should write it."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def as_dict(self) -> Any:
        return self.values


def contents(values: dict[str, Any], image: Image = IMAGE) -> bytes:
    host: Any = Written(values)
    return replace(image, host=host).to_bytes()


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in HOST.items() if key != name}


def nested(values: dict[str, Any], name: str, change: Callable[[dict[str, Any]], Any]) -> Any:
    """The values with something else as the entry of this dotted name."""
    first, _, rest = name.partition(".")
    inner = values.get(first, {})
    return {**values, first: nested(inner, rest, change) if rest else change(inner)}


NETWORK = {one.name for one in NetworkSection.table() if one.required}
OBJECTS = [name for name, one in NetworkSection.table().rows() if isinstance(one.kind, Nested)]


def test_what_is_read_is_what_was_made() -> None:
    read = Image.from_bytes(IMAGE.to_bytes())
    assert read.host == IMAGE.host
    assert isinstance(read.host, NetworkSection)
    assert read.to_bytes() == IMAGE.to_bytes()
    shipped = Image.load(SHIPPED)
    assert shipped.to_bytes() == SHIPPED.read_bytes()
    definition = FeatureDefinition.of_image(shipped)
    assert definition.section() == shipped.host.features


@pytest.mark.parametrize("where", ["", *OBJECTS])
def test_an_unknown_entry_is_refused_at_every_level(where: str) -> None:
    if where.startswith("features"):
        base = HOST | {"features": Image.load(SHIPPED).host.as_dict()["features"]}
    else:
        base = HOST
    bad: Any = {**base, "surprise": 1}
    if where:
        bad = nested(base, where, lambda inner: {**inner, "surprise": 1})
    with pytest.raises(ImageError, match="alone, got 'surprise'; known are") as caught:
        Image.from_bytes(contents(bad))
    assert "\n" not in str(caught.value)
    with pytest.raises(ImageError, match="got 'surprise'"):
        HostSection.from_json(bad)


@pytest.mark.parametrize("name", sorted(NETWORK))
def test_a_network_states_all_of_it(name: str) -> None:
    with pytest.raises(ImageError, match=rf"^wanted the image's {name} as .*, got none; compile"):
        Image.from_bytes(contents(without(name)))


READERS: dict[str, Callable[[Image], object]] = {
    "golden": Golden,
    "cycles": Cycles,
    "rtl": Rtl,
    "amaranth": AmaranthSim,
    "search": MachineTransducer,
    "text": lambda image: text_of(image, [1]),
}


@pytest.mark.parametrize("name", READERS)
def test_nobody_reads_what_is_not_declared(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.sordino"
    path.write_bytes(contents({**HOST, "surprise": 1}))
    with pytest.raises(ImageError, match=rf"^{path}: wanted known entries of the image's host"):
        READERS[name](Image.load(path))
    path.write_bytes(IMAGE.to_bytes())
    READERS[name](Image.load(path))


WRONG: dict[str, tuple[Any, str]] = {
    "tokens": ("abc", "a list of strings"),
    "blank": (True, "a whole number from 0"),
    "max_symbols": (0, "a whole number from 1 to 65535, got 0"),
    "chunk": ("4", "a whole number"),
    "entries": ({"main": -1}, "an object of names"),
    "addresses": ([], "an object of names"),
    "non_zeros": ([1, -1], "a list of whole numbers"),
    "padding": (3, "a list of whole numbers"),
    "licence": (None, "text, got None; leave it out"),
    "input": ([6, 5], "an object with count and fraction"),
    "input.count": (0, "a whole number from 1"),
    "model.sha256": (7, "text"),
    "model.time_reduction.factor": (1, "a whole number from 2 to 16, got 1"),
    "search.hidden": ([[1, 2, 3]], "a list of pairs of whole numbers"),
    "search.scores": ([1], "a list of 2 whole numbers"),
    "search.embedding": ([1, 2], "a list of 3 whole numbers"),
    "codebook": ("random", "uniform or lloyd-max, got 'random'"),
    "weight_bits": (9, "a whole number from 2 to 8, got 9"),
    "layer_bits": ({"joint.*": 1}, "an object of names"),
    "sparsity": (1.5, "a number from 0 to 1 or null"),
    "clip": ("some", "auto or none or a number"),
    "blank_penalty": (float("inf"), "a number"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_value_of_another_kind_is_refused(name: str) -> None:
    value, wanted = WRONG[name]
    bad = nested(HOST, name, lambda _: value)
    with pytest.raises(ImageError) as caught:
        HostSection.from_json(bad)
    assert f"wanted the image's {name} as {wanted}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "wanted"),
    [
        ("", "as JSON, got something else"),
        ("[1]", "wanted the image's host section as an object with"),
        ('{"chunk": 1, "chunk": 2}', "the name 'chunk' twice"),
        ('{"blank_penalty": NaN}', "NaN, which is no number"),
        (b"\xff", "as JSON, got something else"),
        ("[" * 100_000, "as JSON, got something else"),
        ({"entries": {}}, "at least one entry point, got none"),
        ({**HOST, "blank": 7}, "blank as one of its 7 tokens, got 7"),
        (None, "as an object with"),
    ],
)
def test_what_is_no_host_section(bad: Any, wanted: str) -> None:
    with pytest.raises(ImageError) as caught:
        HostSection.from_json(bad)
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [json.dumps(HOST), json.dumps(HOST).encode(), HOST])
def test_text_and_object_are_the_same(text: Any) -> None:
    assert HostSection.from_json(text) == IMAGE.host


@pytest.mark.parametrize("name", ["non_zeros", "padding"])
def test_counts_are_of_the_matrices(name: str) -> None:
    with pytest.raises(ImageError, match=rf"image's {name} of \d+ matrices, got 1; compile"):
        Image.from_bytes(contents({**HOST, name: [3]}))


def test_entry_points() -> None:
    assert HostSection().entry("main") == 0
    assert HostSection().as_dict() == {}
    named = HostSection(entries={"again": 3})
    assert named.entry("again") == 3
    with pytest.raises(ImageError, match=r"^no entry point 'main'; the image has again$"):
        named.entry("main")


def test_a_program_alone_is_no_network() -> None:
    image = replace(IMAGE, host=HostSection(entries=IMAGE.host.entries))
    with pytest.raises(ImageError, match="that of a program without tokens; compile a model"):
        _ = Image.from_bytes(image.to_bytes()).network
    with pytest.raises(ImageError, match="without tokens"):
        MachineTransducer(image)
    assert not text_of(replace(image, host=HostSection()), [])


def test_it_is_frozen_and_checked_where_it_is_made() -> None:
    with pytest.raises(AttributeError):
        IMAGE.network.blank = 1  # type: ignore[misc]
    with pytest.raises(InputError, match="wanted chunk as a whole number from 1 to 65536, got 0"):
        HostSection(chunk=0)
    with pytest.raises(TypeError, match="tokens"):
        NetworkSection()
    assert InputFormat(count=np.int64(6), fraction=5.0) == InputFormat(count=6, fraction=5)  # type: ignore[arg-type]
    assert repr(InputFormat(count=np.int64(6), fraction=5)) == "InputFormat(count=6, fraction=5)"


def values_of(kind: Kind) -> st.SearchStrategy[Any]:
    """JSON values that fit a kind."""
    match kind:
        case Whole(low, high):
            return st.integers(low, high)
        case Number(low, high):
            return st.floats(low, high)
        case Text():
            return st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
        case Choice(values):
            return st.sampled_from(values)
        case Or(first, None):
            return st.none() | values_of(first)
        case Or(first, second):
            return values_of(first) | values_of(second)
        case Many(values, _, None):
            return st.lists(values_of(values), max_size=3)
        case Many(values, _, count):
            return st.lists(values_of(values), min_size=count or 0, max_size=count)
        case Map(values):
            return st.dictionaries(st.text("abc", min_size=1), values_of(values), min_size=1)
        case Nested(record):
            return objects_of(record)
    raise AssertionError(f"no values of {kind}")


def objects_of(record: type[Record]) -> st.SearchStrategy[dict[str, Any]]:
    entries = list(record.table())
    return st.fixed_dictionaries(
        {one.name: values_of(one.kind) for one in entries if one.required},
        optional={one.name: values_of(one.kind) for one in entries if not one.required},
    )


@given(objects_of(NetworkSection), st.integers(0, 3))
def test_any_section_survives(values: dict[str, Any], blank: int) -> None:
    values |= {"tokens": ["a", "b", "c", "d"], "blank": blank}
    section = HostSection.from_json(values)
    assert section.as_dict() == values
    again = HostSection.from_json(json.dumps(section.as_dict()))
    assert again == section
    assert again.as_dict() == values


@given(objects_of(HostSection))
def test_any_section_of_a_program_survives(values: dict[str, Any]) -> None:
    section = HostSection.from_json(values)
    assert type(section) is HostSection
    assert section.as_dict() == values


@given(objects_of(NetworkSection), st.data())
def test_a_section_that_lacks_an_entry_is_refused(
    values: dict[str, Any], data: st.DataObject
) -> None:
    del values[data.draw(st.sampled_from(sorted(NETWORK)))]
    with pytest.raises(ImageError, match="got none"):
        HostSection.from_json(values)


def test_what_the_image_says_of_features_is_what_the_definition_is() -> None:
    shared = {one.name for one in ImageFeatures.table()}
    own = {one.name for one in FeatureDefinition.table()}
    assert own < shared
    assert shared - own == {"cepstra", "dim"}
