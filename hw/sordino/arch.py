"""What a machine is: one frozen configuration, its presets and its identity.

The configuration is passed down explicitly; there are no environment variables and no defaults
elsewhere. `Config.id` hashes what changes the meaning of a program or of the streams; capacities
are compared one by one when an image is loaded.
"""

import tomllib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any
from zlib import crc32

__all__ = [
    "MAX_BURST_BYTES",
    "MAX_WRAPS",
    "PRESETS",
    "RANGES",
    "STREAM_BUSES",
    "STREAM_WORD_BITS",
    "VECTOR_GATES",
    "Config",
    "ConfigError",
    "load_config",
]

STREAM_WORD_BITS = 16
"""Width of the position and value stream memories."""
MAX_WRAPS = 7
"""Columns that one position symbol may move on; a padding place moves on exactly as many."""
STREAM_BUSES = (64, 128, 256, 512)
"""Widths of the bus to external memory, in bits."""
MAX_BURST_BYTES = 4096
"""AXI4: no burst may leave its 4 KiB."""
QUAD = 4
"""Lanes that hold the four gates of one LSTM unit."""
VECTOR_GATES = (1, QUAD)
"""Gates that a vector unit may compute at once."""

RANGES: dict[str, tuple[int, int]] = {
    "state_bits": (4, 9),
    "accumulator_bits": (24, 32),
    "value_slots": (1, 16),
    "run_slots": (1, 16),
    "rows_per_lane": (1, 1024),
    "lanes": (4, 1024),
    "matrices": (1, 256),
    "tables": (2, 256),
    "program_words": (16, 1 << 16),
    "lane_words": (4, 1 << 24),
    "group_words": (4, 1 << 24),
    "activation_words": (16, 1 << 16),
    "state_words": (16, 1 << 16),
    "parameter_words": (4, 1 << 24),
    "channels": (1, 16),
}
"""The smallest and the largest value of settings, whatever the others are."""


_MOST = 1 << 63
"""Larger than any number of a machine; with more digits than a message takes."""


class ConfigError(ValueError):
    """A configuration that cannot be built; the message says what was wanted and what to do."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """One machine. Words are counted in the memory's own width.

    lanes               multiply-accumulate lanes; a multiple of 4 and of `group`
    group               lanes that share one position stream (G)
    x_fifo              columns of x that wait in front of each group; a power of two
    state_bits          log2 of the tANS states of every decoder
    value_slots         value tables each lane holds at once
    run_slots           run tables each group holds at once
    lane_words          16-bit words of value stream memory per lane
    group_words         16-bit words of position stream memory per group
    rows_per_lane       depth of each of the two accumulator banks
    accumulator_bits    width of an accumulator, 24 to 32
    activation_words    int8 words of activation memory (x, h, joint vectors)
    state_words         int16 words of state memory (cell states, joint halves)
    parameter_words     128-bit words of parameter memory (biases, index tables, embedding)
    program_words       128-bit instructions
    tables              expanded decoder tables in table memory
    matrices            entries of the stream directory
    feature_fifo        int8 features that wait at the host interface; a power of two
    token_fifo          tokens that wait at the host interface; a power of two
    stream_bus          bits of the bus to external memory that weights are streamed over: 64, 128,
                        256 or 512; 0 for none
    stream_burst        beats of a burst at most; a power of two
    stream_outstanding  bursts asked for and not yet here at most; a power of two
    stream_ring         bursts that each stream's ring holds; a power of two. The rings are the last
                        words of the stream memories
    channels            channels of the input, each with a FIFO of its own
    vector_gates        gates of a recurrent cell's unit that the vector unit computes at once: 4,
                        which is a unit a cycle, or 1, which is a unit in five cycles, with 4
                        multipliers in place of 18
    clock_hz            stated clock, for printing only
    """

    name: str = "custom"
    lanes: int
    group: int
    x_fifo: int
    state_bits: int = 8
    value_slots: int = 2
    run_slots: int = 2
    lane_words: int
    group_words: int
    rows_per_lane: int
    accumulator_bits: int = 32
    activation_words: int = 2048
    state_words: int = 2048
    parameter_words: int = 2048
    program_words: int = 256
    tables: int = 16
    matrices: int = 32
    feature_fifo: int = 512
    token_fifo: int = 64
    stream_bus: int = 0
    stream_burst: int = 8
    stream_outstanding: int = 16
    stream_ring: int = 4
    channels: int = 1
    vector_gates: int = QUAD
    clock_hz: int = 50_000_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "name":
                if not isinstance(value, str):
                    raise ConfigError(f"wanted name to be a string, got {_shown(value)}")
            elif field.name == "stream_bus" and value == 0 and not isinstance(value, bool):
                continue
            elif isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _MOST:
                raise ConfigError(
                    f"wanted {field.name} to be a positive integer, got {_shown(value)}"
                )
        self._check()

    def _check(self) -> None:
        if self.group & (self.group - 1):
            raise ConfigError(f"wanted group to be a power of two, got {self.group}")
        if self.lanes % QUAD or self.lanes % self.group:
            raise ConfigError(
                f"wanted lanes to be a multiple of {QUAD} (the gates of an LSTM unit) and of "
                f"group = {self.group}, got {self.lanes}"
            )
        for name in ("x_fifo", "feature_fifo", "token_fifo"):
            if getattr(self, name) & (getattr(self, name) - 1):
                raise ConfigError(f"wanted {name} to be a power of two, got {getattr(self, name)}")
        if self.x_fifo <= MAX_WRAPS:
            raise ConfigError(
                f"wanted x_fifo to be more than {MAX_WRAPS} (one symbol may skip that many "
                f"columns), got {self.x_fifo}"
            )
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"wanted {name} to be {low} to {high}, got {getattr(self, name)}")
        if self.vector_gates not in VECTOR_GATES:
            raise ConfigError(
                f"wanted vector_gates to be one of {VECTOR_GATES}, got {self.vector_gates}"
            )
        if self.stream_bus:
            self._check_streaming()

    def _check_streaming(self) -> None:
        if self.stream_bus not in STREAM_BUSES:
            raise ConfigError(
                f"wanted stream_bus to be 0 or one of {STREAM_BUSES}, got {self.stream_bus}"
            )
        for name, low, high in (
            ("stream_burst", 4, 256),
            ("stream_outstanding", 1, 256),
            ("stream_ring", 2, 64),
        ):
            value = getattr(self, name)
            if not low <= value <= high or value & (value - 1):
                raise ConfigError(
                    f"wanted {name} to be a power of two, {low} to {high}, got {value}"
                )
        if self.burst_bytes > MAX_BURST_BYTES:
            raise ConfigError(
                f"wanted stream_burst to be at most {8 * MAX_BURST_BYTES // self.stream_bus} with "
                f"a bus of {self.stream_bus} bits (a burst lies in {MAX_BURST_BYTES} bytes), "
                f"got {self.stream_burst}"
            )
        beat = self.stream_bus // STREAM_WORD_BITS
        for name in ("lane_words", "group_words"):
            words = getattr(self, name)
            if words < self.ring_words or words % beat:
                raise ConfigError(
                    f"wanted {name} to be a multiple of {beat} (the words of a beat) and at least "
                    f"{self.ring_words} (a ring of {self.stream_ring} bursts), got {words}"
                )

    @property
    def streams(self) -> int:
        """Streams of a matrix: of each group its positions, then the values of its lanes."""
        return self.groups * (1 + self.group)

    @property
    def burst_bytes(self) -> int:
        """Bytes of a whole burst; every stream in external memory begins at a multiple."""
        return self.stream_burst * self.stream_bus // 8

    @property
    def ring_words(self) -> int:
        """Words of each stream memory that are its ring; 0 without streaming."""
        bits = self.stream_ring * self.stream_burst * self.stream_bus
        return bits // STREAM_WORD_BITS

    @property
    def groups(self) -> int:
        """Position streams."""
        return self.lanes // self.group

    @property
    def quads(self) -> int:
        """LSTM units whose gates stand at one row index."""
        return self.lanes // QUAD

    @property
    def states(self) -> int:
        """tANS states of every decoder."""
        return 1 << self.state_bits

    @property
    def id(self) -> int:
        """Configuration id: CRC-32 of what changes the meaning of program or streams."""
        text = f"sordino/1 lanes={self.lanes} group={self.group} states={self.states}"
        if self.stream_bus:
            text += f" burst={self.burst_bytes}"
        return crc32(text.encode())

    def with_settings(self, settings: dict[str, Any]) -> "Config":
        """Replace fields by name; unknown names are refused."""
        known = {field.name for field in fields(self)}
        for key in settings:
            if key not in known:
                raise ConfigError(
                    f"unknown configuration field {key!r}; fields are {', '.join(sorted(known))}"
                )
        return replace(self, **settings)

    def as_dict(self) -> dict[str, Any]:
        """Fields by name, in declaration order.

        Those of streaming are there only where there is any, channels only where there are several,
        `vector_gates` only where a unit's gates are not computed at once.
        """
        found = asdict(self)
        if not self.stream_bus:
            found = {name: value for name, value in found.items() if not name.startswith("stream_")}
        if self.channels == 1:
            del found["channels"]
        if self.vector_gates == QUAD:
            del found["vector_gates"]
        return found


def _preset(name: str, lanes: int, group: int, **more: int) -> Config:
    return Config(name=name, lanes=lanes, group=group, **more)


_TINY = {"x_fifo": 16, "lane_words": 262144, "group_words": 65536, "rows_per_lane": 256}
_SMALL = {"x_fifo": 16, "lane_words": 65536, "group_words": 16384, "rows_per_lane": 256}
_LARGE = {"x_fifo": 32, "lane_words": 16384, "group_words": 4096, "rows_per_lane": 64}

PRESETS: dict[str, Config] = {
    f"{name}{suffix}": _preset(f"{name}{suffix}", lanes, group, **sizes)
    for name, lanes, sizes in (("tiny", 4, _TINY), ("small", 16, _SMALL), ("large", 64, _LARGE))
    for suffix, group in (("", 4), ("-unstructured", 1))
}
"""Named machines, each large enough for the AN4 model: for simulation at 8 bits, then for boards.

`sordino.boards` says what else is on a board.
"""
PRESETS |= {
    "tiny-serial": _preset("tiny-serial", 4, 4, vector_gates=1, **_TINY),
    "ulx3s": _preset(
        "ulx3s", 8, 4, x_fifo=16, lane_words=12288, group_words=12288, rows_per_lane=512,
        parameter_words=1536, tables=16, clock_hz=60_000_000,
    ),
    "ecpix5": _preset(
        "ecpix5", 4, 4, x_fifo=16, lane_words=8192, group_words=8192, rows_per_lane=512,
        parameter_words=1536, tables=16, clock_hz=50_000_000,
        stream_bus=64, stream_burst=32, stream_ring=2,
    ),
}  # fmt: skip


def _shown(value: object) -> str:
    """A value for a message, also a number with too many digits, or tables in tables for ever."""
    try:
        return repr(value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__}"


def load_config(name_or_path: str, settings: dict[str, Any] | None = None) -> Config:
    """A preset by name or a TOML file of fields, with `settings` on top.

    A TOML file may name a preset to start from: `preset = "small"`.
    """
    if name_or_path in PRESETS:
        config = PRESETS[name_or_path]
    elif Path(name_or_path).suffix == ".toml":
        try:
            text = Path(name_or_path).read_bytes().decode("utf-8-sig")  # with or without its mark
            table = tomllib.loads(text)
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(f"cannot read configuration {name_or_path}: {reason}") from None
        preset = table.pop("preset", "small")
        base = PRESETS.get(preset) if isinstance(preset, str) else None
        if base is None:
            raise ConfigError(
                f"{name_or_path}: wanted preset to be one of {', '.join(PRESETS)}, got "
                f"{_shown(preset)}"
            )
        config = base.with_settings({"name": Path(name_or_path).stem, **table})
    else:
        raise ConfigError(
            f"unknown configuration {name_or_path!r}; give a TOML file or one of "
            f"{', '.join(PRESETS)}"
        )
    return config.with_settings(settings) if settings else config
