"""What an image says of its networks is refused where it does not fit program and machine."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sordino.arch import PRESETS
from sordino.image.checks.verify import verify
from sordino.image.host import HostSection
from sordino.image.image import Image, ImageError
from sordino.image.section.networks import ImageNetwork
from sordino.isa.operations import Emit, Halt, Input, Jump, Take
from sordino.testing.images.builder import ProgramBuilder

CONFIG = PRESETS["tiny"].with_settings({"channels": 2})
WORDS, STATES, ROWS = CONFIG.activation_words, CONFIG.state_words, CONFIG.rows_per_lane
ASR: dict[str, Any] = {
    "entries": {"main": "main"},
    "input": {"channel": 0, "count": 3, "fraction": 5},
    "tokens": {"channel": 0, "numbers": [0, 2], "texts": ["a", "b"], "blank": 1},
    "results": {"h": {"memory": "activation", "words": [3, 4], "step": 0.5}},
    "state": {"activation": [[0, 4]], "bank1": [[0, 2]]},
}
KEYWORD: dict[str, Any] = {
    "entries": {"main": "main", "go": "again"},
    "request": 1,
    "input": {"channel": 1, "count": 2, "fraction": 0},
    "tokens": {"channel": 7, "numbers": [40, 1]},
    "state": {"activation": [[4, 4]], "state": [[0, 9]]},
}


def image(networks: Mapping[str, Any]) -> Image:
    """A program of two networks, and what is said of them."""
    builder = ProgramBuilder(CONFIG)
    builder.label("main")
    builder.add(Input, destination=0, count=3, end="end", request="asked")
    builder.add(Emit, register=0)
    builder.add(Jump, target="main")
    builder.label("asked")
    builder.add(Take, register=1)
    builder.add(Input, destination=3, count=2, end="main", channel=1)
    builder.add(Emit, register=0, channel=7)
    builder.add(Jump, target="main")
    builder.label("end")
    builder.add(Halt)
    made = builder.image()
    host = {"entries": {"main": 0, "again": 4}, "networks": networks}
    return replace(made, host=HostSection.from_json(host))


def with_entry(network: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """A network with something else as the entry of this dotted name."""
    first, _, rest = name.partition(".")
    return {**network, first: with_entry(network.get(first, {}), rest, value) if rest else value}


def test_what_fits_is_kept_byte_for_byte() -> None:
    made = image({"asr": ASR, "kw": KEYWORD})
    verify(made)
    again = Image.from_bytes(made.to_bytes())
    assert again.host == made.host
    assert again.to_bytes() == made.to_bytes()
    assert isinstance(again.host.networks["kw"], ImageNetwork)
    assert again.host.token_channels("main") == {"asr": 0, "kw": 7}
    assert again.host.token_channels("again") == {"kw": 7}
    assert again.host.named("kw").request == 1
    with pytest.raises(ImageError, match="wanted a network of the image, got 'x'; the image has"):
        again.host.named("x")
    assert "networks" not in HostSection().as_dict()


WRONG: dict[str, tuple[Any, str]] = {
    "entries": ({}, "entries to name one of main, again or more, got none"),
    "entries.main": ("mian", "entries.main as one of main, again, got 'mian'"),
    "input.channel": (2, "on a channel of the machine, 0 to 1, got channel 2"),
    "input.count": (3, "with 2 values, as the program reads on channel 1, got 3"),
    "tokens.channel": (3, "on a channel that the program emits on (0, 7), got 3"),
    "tokens.numbers": ([0, 0], "tokens.numbers with one token or more, got none"),
    "tokens": (
        {"channel": 7, "numbers": [65530, 6]},
        "tokens.numbers below 65535, which says that nothing was found, got 65530 to 65535",
    ),
    "tokens.texts": (["a", "b"], "tokens.texts of 1 tokens, got 2"),
    "tokens.blank": (41, "tokens.blank as 40 to 40, got 41"),
    "results": (
        {"y": {"memory": "state", "words": [STATES], "step": 1.0}},
        f"results.y in STATE words 0 to {STATES - 1}, got {STATES} to {STATES}",
    ),
    "state.activation": (
        [[WORDS - 3, 4]],
        f"state in ACTIVATION words 0 to {WORDS - 1}, got {WORDS - 3} to {WORDS}",
    ),
    "state.state": ([[5, 0]], "state with one of the STATE words or more, got none from 5 on"),
    "state.bank1": ([[0, ROWS + 1]], f"state in BANK1 words 0 to {ROWS - 1}, got 0 to {ROWS}"),
    "shares": (["kw"], "shares as other networks of it (asr), got 'kw'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused(name: str) -> None:
    value, message = WRONG[name]
    made = image({"asr": ASR, "kw": with_entry(KEYWORD, name, value)})
    with pytest.raises(ImageError) as caught:
        verify(made)
    assert message in str(caught.value)
    assert str(caught.value).startswith("wanted the image's networks.kw.")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state.activation": [[3, 2]]}, "word 3 of ACTIVATION in both"),
        ({"state.bank1": [[1, 1]]}, "word 1 of BANK1 in both"),
        ({"shares": ["asr"]}, "got nothing that both keep"),
        ({"state.activation": [[3, 2]], "shares": ["asr"]}, "to name each other"),
    ],
)
def test_two_networks_keep_nothing_in_one_word_unless_both_say_so(
    changes: dict[str, Any], message: str
) -> None:
    keyword = KEYWORD
    for name, value in changes.items():
        keyword = with_entry(keyword, name, value)
    with pytest.raises(ImageError) as caught:
        verify(image({"asr": ASR, "kw": keyword}))
    assert message in str(caught.value)
    if "state.activation" in changes:
        shared = {"asr": {**ASR, "shares": ["kw"]}, "kw": {**keyword, "shares": ["asr"]}}
        verify(image(shared))


def test_a_request_is_that_of_one_network() -> None:
    other = {"entries": {"main": "main"}, "request": 1}
    with pytest.raises(ImageError, match=r"networks.too.request other than that of kw, got 1"):
        verify(image({"kw": KEYWORD, "too": other}))
    verify(image({"kw": KEYWORD, "too": {"entries": {"run": "again"}, "request": 2}}))


def test_a_program_without_requests_serves_none() -> None:
    made = image({"kw": KEYWORD})
    silent = tuple(
        i.replace(request=0) if isinstance(i, Input) and i.request else i for i in made.program
    )
    with pytest.raises(ImageError, match=r"networks.kw.request of a program that takes requests"):
        verify(replace(made, program=silent))


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("surprise", 1, "wanted known entries of the image's networks.kw alone, got 'surprise'"),
        ("input.surprise", 1, "of the image's networks.kw.input alone, got 'surprise'"),
        ("input.channel", 256, "wanted the image's networks.kw.input.channel as a whole number"),
        ("results", {"h": 3}, "wanted the image's networks.kw.results.h as an object with"),
        ("state.state", [[1]], "wanted the image's networks.kw.state.state as a list of pairs"),
        ("entries", ["main"], "wanted the image's networks.kw.entries as an object of names"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_place(
    name: str, value: Any, wanted: str
) -> None:
    with pytest.raises(ImageError) as caught:
        image({"kw": with_entry(KEYWORD, name, value)})
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)


SHIPPED = Path(__file__).parents[3] / "models" / "an4_rnnt_g4_80.sordino"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("hidden", ((0, 1 << 20),), "search.hidden in ACTIVATION words 0 to"),
        ("cells", ((1 << 20, 1),), "search.cells in STATE words 0 to"),
        ("encoded", (1 << 20, 1), "search.encoded in STATE words 0 to"),
        ("predicted", (0, 0), "search.predicted with one of the STATE words or more, got none"),
        ("scores", (0, 1 << 20), "search.scores in STATE words 0 to"),
        ("embedding", (1 << 20, 1, 1), "search.embedding in parameter words 0 to"),
        ("index_table", 1 << 20, "search.index_table in parameter words 0 to"),
    ],
)
def test_a_search_beyond_the_memories_is_refused(name: str, value: Any, message: str) -> None:
    shipped = Image.load(SHIPPED)
    search = shipped.network.need_search().changed(**{name: value})
    with pytest.raises(ImageError) as caught:
        verify(replace(shipped, host=shipped.host.changed(search=search)))
    assert message in str(caught.value)


@pytest.mark.parametrize("value", [[1], "kw", {"kw": None}, {3: KEYWORD}])
def test_networks_are_an_object_of_names(value: Any) -> None:
    with pytest.raises(ImageError, match="wanted the image's networks"):
        HostSection.from_json({"entries": {"main": 0}, "networks": value})
