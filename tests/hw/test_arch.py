"""Configurations: checks speak in sentences, TOML, presets, identity."""

from pathlib import Path

import pytest

from sordino.arch import PRESETS, Config, ConfigError, load_config

CAPACITIES = {
    "lane_words": 77,
    "group_words": 78,
    "rows_per_lane": 5,
    "accumulator_bits": 24,
    "activation_words": 79,
    "state_words": 80,
    "parameter_words": 81,
    "program_words": 82,
    "tables": 3,
    "matrices": 4,
    "feature_fifo": 16,
    "token_fifo": 16,
    "x_fifo": 64,
    "value_slots": 3,
    "run_slots": 3,
    "clock_hz": 1,
    "name": "other",
}
SMALL = PRESETS["small"]
IDS = {
    "tiny": 0x5392E68F,
    "tiny-unstructured": 0xCB31919F,
    "small": 0x4A199B74,
    "small-unstructured": 0xD2BAEC64,
    "large": 0xE9306BA0,
    "large-unstructured": 0x71931CB0,
    "tiny-serial": 0x5392E68F,
    "ulx3s": 0x80A4DB64,
    "ecpix5": 0xA97E09F4,
}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lanes": 0}, "wanted lanes to be a positive integer, got 0"),
        ({"lanes": True}, "wanted lanes to be a positive integer, got True"),
        ({"lanes": 4.0}, "wanted lanes to be a positive integer, got 4.0"),
        ({"name": 3}, "wanted name to be a string, got 3"),
        ({"group": 3}, "wanted group to be a power of two, got 3"),
        (
            {"lanes": 18},
            "wanted lanes to be a multiple of 4 (the gates of an LSTM unit) and of group = 4, "
            "got 18",
        ),
        (
            {"group": 8, "lanes": 12},
            "wanted lanes to be a multiple of 4 (the gates of an LSTM unit) and of group = 8, "
            "got 12",
        ),
        ({"x_fifo": 12}, "wanted x_fifo to be a power of two, got 12"),
        ({"feature_fifo": 100}, "wanted feature_fifo to be a power of two, got 100"),
        ({"token_fifo": 3}, "wanted token_fifo to be a power of two, got 3"),
        (
            {"x_fifo": 4},
            "wanted x_fifo to be more than 7 (one symbol may skip that many columns), got 4",
        ),
        ({"state_bits": 10}, "wanted state_bits to be 4 to 9, got 10"),
        ({"state_bits": 3}, "wanted state_bits to be 4 to 9, got 3"),
        ({"accumulator_bits": 23}, "wanted accumulator_bits to be 24 to 32, got 23"),
        ({"rows_per_lane": 1025}, "wanted rows_per_lane to be 1 to 1024, got 1025"),
        ({"activation_words": 65537}, "wanted activation_words to be 16 to 65536, got 65537"),
        ({"tables": 1}, "wanted tables to be 2 to 256, got 1"),
        ({"lanes": 1028}, "wanted lanes to be 4 to 1024, got 1028"),
        ({"vector_gates": 0}, "wanted vector_gates to be a positive integer, got 0"),
        ({"vector_gates": 2}, "wanted vector_gates to be one of (1, 4), got 2"),
        ({"vector_gates": 5}, "wanted vector_gates to be one of (1, 4), got 5"),
        ({"vector_gates": True}, "wanted vector_gates to be a positive integer, got True"),
        ({"vector_gates": "4"}, "wanted vector_gates to be a positive integer, got '4'"),
    ],
)
def test_refusals_say_what_is_wanted(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SMALL.with_settings(settings)
    assert str(caught.value) == message


def test_unknown_field_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"^unknown configuration field 'lane'; fields are acc"):
        SMALL.with_settings({"lane": 4})


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name: str) -> None:
    config = PRESETS[name]
    assert config.name == name
    assert config.group == (1 if name.endswith("unstructured") else 4)
    assert config.groups * config.group == config.lanes == 4 * config.quads
    assert config.states == 1 << config.state_bits
    assert load_config(name) is config
    assert Config(**config.as_dict()) == config


def test_presets_sizes() -> None:
    assert {n: c.lanes for n, c in PRESETS.items() if c.group == 4} == {
        "tiny": 4,
        "small": 16,
        "large": 64,
        "tiny-serial": 4,
        "ulx3s": 8,
        "ecpix5": 4,
    }


def test_a_serial_vector_unit_is_another_machine_for_the_same_images() -> None:
    tiny, serial = PRESETS["tiny"], PRESETS["tiny-serial"]
    assert "vector_gates" not in tiny.as_dict()  # as in images that were made before
    assert serial.as_dict() == {**tiny.as_dict(), "name": "tiny-serial", "vector_gates": 1}
    assert serial.id == tiny.id
    assert Config(**tiny.as_dict()).vector_gates == 4


@pytest.mark.parametrize(("field", "value"), CAPACITIES.items())
def test_id_is_not_affected_by(field: str, value: object) -> None:
    changed = SMALL.with_settings({field: value})
    assert changed != SMALL
    assert changed.id == SMALL.id


@pytest.mark.parametrize(("field", "value"), [("lanes", 20), ("group", 2), ("state_bits", 9)])
def test_id_is_affected_by(field: str, value: int) -> None:
    assert SMALL.with_settings({field: value}).id != SMALL.id


def test_every_field_is_in_one_of_the_id_tests() -> None:
    assert {*CAPACITIES, "lanes", "group", "state_bits"} == set(SMALL.as_dict())


def test_ids_do_not_change() -> None:
    """An image names its machine's id; a changed id makes every image unusable."""
    ids = {name: config.id for name, config in PRESETS.items()}
    assert ids == IDS


def test_toml(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('preset = "tiny"\nlanes = 8\nclock_hz = 12_000_000\n')
    config = load_config(str(path), {"group": 2})
    assert config == PRESETS["tiny"].with_settings(
        {"name": "mine", "lanes": 8, "group": 2, "clock_hz": 12_000_000}
    )
    path.write_text("lanes = 32\n")
    assert load_config(str(path)).rows_per_lane == SMALL.rows_per_lane
    assert load_config(str(path)).lanes == 32
    path.write_bytes("\ufefflanes = 8 # für alle\r\ngroup = 2\r\n".encode())
    assert (load_config(str(path)).lanes, load_config(str(path)).group) == (8, 2)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("lanes = ", "cannot read configuration"),
        ('preset = "huge"', "wanted preset to be one of tiny, tiny-unstructured, small"),
        ('preset = ["small"]', r"got \['small'\]"),
        ("a = " + "[" * 10_000, "cannot read configuration"),
        ("lanes = " + "9" * 5000, "cannot read configuration"),
        ("lanes = 0x" + "f" * 5000, "positive integer, got a"),
        ("preset = 0x" + "f" * 5000, "wanted preset to be one of .*, got a"),
        ("lanes" + ".a" * 3000 + " = 1", "positive integer, got a dict"),
        ("lane = 3", "unknown configuration field 'lane'"),
        ('lanes = "many"', "wanted lanes to be a positive integer, got 'many'"),
    ],
)
def test_bad_toml(tmp_path: Path, contents: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(contents)
    with pytest.raises(ConfigError, match=message):
        load_config(str(path))


def test_no_such_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown configuration 'mid'; give a TOML file or one"):
        load_config("mid")
    with pytest.raises(ConfigError, match="cannot read configuration"):
        load_config(str(tmp_path / "none.toml"))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot read configuration"):
        load_config(str(tmp_path / "binary.toml"))
