"""The block RAM's behaviour equals a description of it in Python, and refuses all else."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from sordino.netlist.cells import OURS
from tests.sim.netlist.icarus import icarus

CYCLES = 400
PINS = {"DI": 18, "AD": 14, "CE": 1, "OCE": 1, "WE": 1}
"""Inputs of a port that change at random."""
MODES = ("NORMAL", "WRITETHROUGH", "READBEFOREWRITE")
ROWS = 12
"""Few of the memory's, that ports meet."""


@dataclass(frozen=True)
class Port:
    """How a port is used."""

    width: int = 18
    mode: str = "NORMAL"
    register: str = "NOREG"


@dataclass
class State:
    """A port between two edges: what it read last, and its output register; None: unknown."""

    read: list[int | None] = field(default_factory=lambda: [0] * 36)
    output: list[int | None] = field(default_factory=lambda: [0] * 36)


def places(width: int, address: int) -> list[int]:
    """Bits of the memory that a port reaches, the lowest of its data pins first."""
    byte, inside = divmod(address, 8)
    if width >= 9:
        first = byte // (width // 9) * width
        return list(range(first, first + width))
    first = byte * 9 + inside // width * width
    return list(range(first, first + width))


def enables(width: int, address: int) -> list[bool]:
    """Which of its bits a write reaches: pins of the address enable bytes of wide ports."""
    if width < 18:
        return [True] * width
    return [bool(address >> (bit // 9) & 1) for bit in range(width)]


class BlockRam:
    """What the cell does, a bit at a time."""

    def __init__(self, a: Port, b: Port, contents: list[int]) -> None:
        self.ports, self.states = (a, b), (State(), State())
        self.bits: list[int | None] = list(contents)
        self.wide = 36 in (a.width, b.width)

    def data(self, number: int, pins: list[dict[str, int]]) -> int:
        low, high = pins[0]["DI"], pins[1]["DI"]
        return low | high << 18 if self.ports[number].width == 36 else pins[number]["DI"]

    def edge(self, pins: list[dict[str, int]]) -> None:
        written: list[dict[int, int]] = [{}, {}]
        for number, (port, its) in enumerate(zip(self.ports, pins, strict=True)):
            if its["CE"] and its["WE"]:
                reach = zip(
                    places(port.width, its["AD"]), enables(port.width, its["AD"]), strict=True
                )
                data = self.data(number, pins)
                written[number] = {
                    place: data >> bit & 1 for bit, (place, on) in enumerate(reach) if on
                }
        for number, (port, state, its) in enumerate(
            zip(self.ports, self.states, pins, strict=True)
        ):
            if its["OCE"]:
                state.output = list(state.read)
            if not its["CE"] or (its["WE"] and port.mode == "NORMAL"):
                continue
            own = written[number] if port.mode == "WRITETHROUGH" else {}
            strange = written[1 - number]
            seen = [
                own.get(place, None if place in strange else self.bits[place])
                for place in places(port.width, its["AD"])
            ]
            state.read = seen + [0] * (36 - port.width)
        for each in written:
            for place, bit in each.items():
                self.bits[place] = bit

    def outputs(self) -> str:
        """DOB, then DOA, most significant bits first, as a simulator prints them."""
        shown = [
            state.output if port.register == "OUTREG" else state.read
            for port, state in zip(self.ports, self.states, strict=True)
        ]
        a, b = shown[0][:18], shown[1][:18]
        if self.ports[1].width == 36:
            a, b = shown[1][:18], shown[1][18:]
        elif self.wide:
            a = [None] * 18
        return "".join("x" if bit is None else str(bit) for bit in reversed(a + b))


def draw(rng: np.random.Generator, a: Port, b: Port) -> list[list[dict[str, int]]]:
    """Pins of both ports by cycle; no two writes to the same 36 bits."""
    cycles = []
    for _ in range(CYCLES):
        pins = [
            {name: int(rng.integers(1 << bits)) for name, bits in PINS.items()} for _ in range(2)
        ]
        for its in pins:
            its["AD"] = int(rng.integers(ROWS)) << 5 | its["AD"] & 31
            its["CE"] = int(rng.random() < 0.8)
        if 36 in (a.width, b.width):
            pins[1]["WE"] = 0
        if (
            all(its["CE"] and its["WE"] for its in pins)
            and pins[0]["AD"] >> 5 == pins[1]["AD"] >> 5
        ):
            pins[int(rng.integers(2))]["WE"] = 0
        cycles.append(pins)
    return cycles


def instance(parameters: dict[str, object], pins: dict[str, str]) -> str:
    def shown(value: object) -> str:
        return f'"{value}"' if isinstance(value, str) else f"{value}"

    values = ", ".join(f".{name}({shown(value)})" for name, value in parameters.items())
    ports = ", ".join(f".{name}({signal})" for name, signal in pins.items())
    return f"DP16KD #({values}) dut ({ports});"


def bench(parameters: dict[str, object], steps: str) -> str:
    """A bench with a register for every input pin, and outputs as one vector."""
    pins, declared = {}, []
    for port in "AB":
        for name, bits in {**PINS, "CS": 3, "CLK": 1, "RST": 1}.items():
            wire = f"{name.lower()}{port.lower()}"
            declared.append(f"reg [{bits - 1}:0] {wire} = 0;")
            for bit in range(bits):
                pin = f"{name}{port}{bit}" if bits > 1 else f"{name}{port}"
                pins[pin] = f"{wire}[{bit}]"
        declared.append(f"wire [17:0] do{port.lower()};")
        pins |= {f"DO{port}{bit}": f"do{port.lower()}[{bit}]" for bit in range(18)}
    return "\n".join(
        ["module bench;", *declared, instance(parameters, pins), "initial begin", steps,
         "$finish; end", "endmodule"]
    )  # fmt: skip


def parameters(a: Port, b: Port, contents: list[int]) -> dict[str, object]:
    words = [sum(bit << n for n, bit in enumerate(contents[18 * w :][:18])) for w in range(1024)]
    rows = [sum(word << 20 * n for n, word in enumerate(words[16 * k :][:16])) for k in range(64)]
    values = {f"INITVAL_{k:02X}": Literal(f"320'h{row:x}") for k, row in enumerate(rows)}
    for letter, port in zip("AB", (a, b), strict=True):
        values |= {
            f"DATA_WIDTH_{letter}": port.width,
            f"WRITEMODE_{letter}": port.mode,
            f"REGMODE_{letter}": port.register,
        }
    return values


class Literal:
    """Verilog as it stands."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


NARROW = [Port(width=width, mode=mode) for width in (1, 2, 4, 9, 18) for mode in MODES]
PAIRS = [
    *((port, NARROW[(3 * n + 7) % len(NARROW)]) for n, port in enumerate(NARROW)),
    *((replace(port, register="OUTREG"), port) for port in NARROW[::4]),
    *((port, Port(width=36, register=("NOREG", "OUTREG")[n % 2])) for n, port in enumerate(NARROW)),
    *((Port(width=36), port) for port in NARROW[::3]),
    (Port(width=36), Port(width=36)),
    (Port(width=36), Port(width=36, register="OUTREG")),
]


def first_difference(tmp_path, a: Port, b: Port, sources=OURS) -> str | None:
    """The first edge behind which the cell shows anything else than its description."""
    rng = np.random.default_rng([a.width, b.width, len(a.mode), len(b.mode)])
    contents = rng.integers(0, 2, 1024 * 18).tolist()
    ram, steps, expected = BlockRam(a, b, contents), [], []
    for pins in draw(rng, a, b):
        for letter, its in zip("ab", pins, strict=True):
            steps += [f"{name.lower()}{letter} = {value};" for name, value in its.items()]
        steps.append('#1 clka = 1; clkb = 1; #1 $display("%b%b", dob, doa); clka = 0; clkb = 0;')
        ram.edge(pins)
        expected.append(ram.outputs())
    text = bench(parameters(a, b, contents), "\n".join(steps))
    code, said = icarus(tmp_path, text, sources=sources)
    assert code == 0, said
    found = said.split()
    assert len(found) == len(expected) == CYCLES
    assert len(set(expected)) > 2
    pairs = enumerate(zip(found, expected, strict=True))
    return next((f"edge {n}: {x}, expected {y}" for n, (x, y) in pairs if x != y), None)


@pytest.mark.parametrize(("a", "b"), PAIRS, ids=str)
def test_equals_its_description(tmp_path, a, b):
    assert first_difference(tmp_path, a, b) is None


def before(mode: str) -> Port:
    return Port(width=9, mode=mode)


@pytest.mark.parametrize(
    ("a", "b", "old", "new"),
    [
        (before("WRITETHROUGH"), before("NORMAL"), 'A == "WRITETHROUGH") old', 'A == "") old'),
        (before("READBEFOREWRITE"), before("NORMAL"), 'A == "WRITETHROUGH") old', "A) old"),
        (before("NORMAL"), before("NORMAL"), '(!WEA || WRITEMODE_A != "NORMAL")', "(1)"),
        (before("NORMAL"), before("NORMAL"), '(!WEB || WRITEMODE_B != "NORMAL")', "(1)"),
        (Port(), Port(), "18: first = ad[4] ? 18 : 0;", "18: first = 0;"),
        (Port(), Port(), "18: enabled = {18'b0, {9{ad[1]}}, {9{ad[0]}}};", "18: enabled = 511;"),
        (Port(), Port(), "old = (old & ~clash) | (`SORDINO_WRONG(old) & clash);", ""),
        (Port(register="OUTREG"), Port(), "else if (OCEA)", "else"),
        (Port(width=36), Port(width=36), "DATA_WIDTH_A == 36 ? {di_b, di_a}", "0 ? 36'b0"),
    ],
    ids=lambda value: None if isinstance(value, Port) else "",
)
def test_a_broken_cell_is_seen(tmp_path, a, b, old, new):
    text = OURS[0].read_text()
    assert old in text
    broken = tmp_path / "broken.v"
    broken.write_text(text.replace(old, new))
    assert first_difference(tmp_path, a, b, [broken]) is not None


EDGE = "#1 clka = 1; clkb = 1; #1 clka = 0; clkb = 0;"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATA_WIDTH_A", 8),
        ("DATA_WIDTH_B", 72),
        ("REGMODE_A", "BOTH"),
        ("REGMODE_B", "noreg"),
        ("WRITEMODE_A", "READFIRST"),
        ("WRITEMODE_B", ""),
        ("RESETMODE", "NONE"),
        ("ASYNC_RESET_RELEASE", "LATE"),
        ("CSDECODE_A", "0b001"),
        ("CSDECODE_B", "0b111"),
        ("CLKAMUX", "INV"),
        ("CLKBMUX", "INV"),
        ("GSR", "PERHAPS"),
    ],
)
def test_a_value_that_is_not_described_stops(tmp_path, name, value):
    code, said = icarus(tmp_path, bench({name: value}, EDGE))
    assert code != 0
    assert f"DP16KD: unknown {name}" in said


@pytest.mark.parametrize(
    ("ram", "pins", "said"),
    [
        ({}, "cea = 1; csa = 1;", "unknown use of CSA"),
        ({}, "ceb = 1; csb = 4;", "unknown use of CSB"),
        ({}, "rsta = 1;", "reset of port A is known for OUTREG and SYNC alone"),
        (
            {"REGMODE_B": "OUTREG", "RESETMODE": "ASYNC"},
            "rstb = 1;",
            "reset of port B is known for OUTREG and SYNC alone",
        ),
        ({"REGMODE_A": "OUTREG"}, "rsta = 1; cea = 1; wea = 1;", "reset of port A while it writes"),
        (
            {"DATA_WIDTH_A": 36, "DATA_WIDTH_B": 36},
            "ceb = 1; web = 1;",
            "port B writes beside one of 36 bits",
        ),
        (
            {"DATA_WIDTH_A": 9, "DATA_WIDTH_B": 1},
            "cea = 1; wea = 1; ada = 72; ceb = 1; web = 1; adb = 90;",
            "both ports write the same 36 bits",
        ),
    ],
)
def test_a_use_that_is_not_described_stops(tmp_path, ram, pins, said):
    code, output = icarus(tmp_path, bench(ram, pins + EDGE))
    assert code != 0
    assert f"DP16KD: {said}" in output


def test_a_reset_clears_the_output_register(tmp_path):
    steps = """
        cea = 1; ocea = 1; wea = 1; ada = 3; dia = 18'h2f0f5; #1 clka = 1; #1 clka = 0; wea = 0;
        repeat (2) begin #1 clka = 1; #1 clka = 0; end $display("%b", doa);
        cea = 0; rsta = 1; #1 clka = 1; #1 clka = 0; $display("%b", doa);
        rsta = 0; #1 clka = 1; #1 clka = 0; $display("%b", doa);
        cea = 1; repeat (2) begin #1 clka = 1; #1 clka = 0; end $display("%b", doa);
    """
    code, said = icarus(tmp_path, bench({"REGMODE_A": "OUTREG"}, steps))
    assert code == 0
    written = f"{0x2F0F5:018b}"
    assert said.split() == [written, "0" * 18, "x" * 18, written]
