"""An ECP5's netlist as Verilog that simulators compile in a minute: every cell as what it does.

LUTs, carries, multiplexers, flip-flops and distributed RAM become assignments and processes; block
RAMs and multipliers are instances of the modules in `ecp5`. What a cell does is written from
Lattice's documents; Yosys' own models of the smaller ones are compared in the tests. A cell, a
parameter or a parameter's value that is not described here is an InputError.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from sordino.errors import InputError
from sordino.netlist.cells import OURS

__all__ = ["netlist_verilog"]

Bit = int | str
"""A net's number, or a constant `0`, `1` or `x`."""
_BITS_A_LINE = 8
_RESETS = ("ENABLED", "DISABLED", "AUTO")
"""Whether the global reset reaches a cell; nothing pulses it."""


class _Cell:
    """One cell of the netlist: its parameters and pins, each to be asked for by name."""

    def __init__(self, name: str, cell: Mapping[str, Any]) -> None:
        self.name = name
        self.kind: str = cell["type"]
        self.pins: dict[str, Sequence[Bit]] = dict(cell["connections"])
        self._parameters: dict[str, str] = dict(cell["parameters"])

    def refuse(self, wanted: str, got: str) -> InputError:
        return InputError(
            f"wanted {wanted} for {self.kind} {self.name}, got {got}; describe it in "
            "sordino.netlist.verilog"
        )

    def word(self, name: str, default: str, known: Sequence[str]) -> str:
        """A parameter that is a word, one of `known`."""
        value = self._parameters.pop(name, default).rstrip(" ")
        if value not in known:
            raise self.refuse(f"{name} of {', '.join(known)}", repr(value))
        return value

    def number(self, name: str, bits: int) -> int:
        """A parameter that is a number; bits that are not defined are 0."""
        value = self._parameters.pop(name, "0" * bits)
        if set(value) - set("01x") or len(value) != bits:
            raise self.refuse(f"{name} of {bits} bits", repr(value))
        return int(value.replace("x", "0"), 2)

    def rest(self, known: Collection[str] | None = None) -> dict[str, str]:
        """All other parameters, of which every one is `known`, for a module that checks values."""
        rest, self._parameters = self._parameters, {}
        if strange := sorted(rest.keys() - set(rest if known is None else known)):
            raise self.refuse("parameters that are known", ", ".join(strange))
        return rest

    def pin(self, name: str, bit: int = 0) -> str:
        """What is at an input; 0 where nothing is."""
        return _shown(self.pins[name][bit]) if self.pins.get(name) else "1'b0"

    def end(self) -> None:
        if self._parameters:
            raise self.refuse("parameters that are known", ", ".join(sorted(self._parameters)))


def _shown(bit: Bit) -> str:
    return f"n{bit}" if isinstance(bit, int) else f"1'b{bit}"


def _table(inputs: Sequence[str], ones: int) -> str:
    """An expression of a LUT's output; bit k of `ones` is it for inputs that read k.

    The first input is the lowest bit.
    """
    if not inputs:
        return f"1'b{ones & 1}"
    half = 1 << len(inputs) - 1
    everything = (1 << half) - 1
    low, high, last = ones & everything, ones >> half, inputs[-1]
    rest = inputs[:-1]
    if low == high:
        return _table(rest, low)
    if (low, high) == (0, everything):
        return last
    if (low, high) == (everything, 0):
        return f"~{last}"
    if low == high ^ everything:
        return f"({last} ^ {_table(rest, low)})"
    if low in (0, everything):
        inner = _table(rest, high)
        return f"({last} & {inner})" if low == 0 else f"(~{last} | {inner})"
    if high in (0, everything):
        inner = _table(rest, low)
        return f"(~{last} & {inner})" if high == 0 else f"({last} | {inner})"
    return f"({last} ? {_table(rest, high)} : {_table(rest, low)})"


class _Writer:
    """What the cells have become: assignments, declarations, and processes by what they share."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.registers: dict[int, int] = {}
        self.processes: dict[tuple[str, ...], list[tuple[str, str, str]]] = {}

    def assign(self, cell: _Cell, pin: str, value: str) -> None:
        for bit in cell.pins.get(pin, ()):
            self.lines.append(f"  assign {_shown(bit)} = {value};")

    def lut(self, cell: _Cell) -> None:
        inputs = [cell.pin(name) for name in "ABCD"]
        self.assign(cell, "Z", _table(inputs, cell.number("INIT", 16)))

    def carry(self, cell: _Cell) -> None:
        carried = cell.pin("CIN")
        for half in "01":
            inputs = [cell.pin(f"{name}{half}") for name in "ABCD"]
            ones = cell.number(f"INIT{half}", 16)
            alone = cell.word(f"INJECT1_{half}", "YES", ("YES", "NO")) == "YES"
            table = _table(inputs, ones)
            self.assign(cell, f"S{half}", table if alone else f"{table} ^ {carried}")
            generated = "1'b0" if alone else _table(inputs[:2], ones & 15)
            # The chain goes on where the table says 1, and begins where it does not.
            carried = f"({table} ? {carried} : {generated})"
            if half == "0":
                self.lines.append(f"  wire {cell.name} = {carried};")
                carried = cell.name
        self.assign(cell, "COUT", carried)

    def flip_flop(self, cell: _Cell) -> None:
        cell.word("GSR", "ENABLED", _RESETS)
        cell.word("LSRMODE", "LSR", ("LSR",))
        edge = {"CLK": "posedge", "INV": "negedge"}[cell.word("CLKMUX", "CLK", ("CLK", "INV"))]
        enable = _muxed(cell, "CE", cell.word("CEMUX", "1", ("1", "0", "CE", "INV")))
        reset = _muxed(cell, "LSR", cell.word("LSRMUX", "LSR", ("LSR", "INV")))
        value = int(cell.word("REGSET", "RESET", ("RESET", "SET")) == "SET")
        mode = cell.word("SRMODE", "LSR_OVER_CE", ("LSR_OVER_CE", "ASYNC"))
        (bit,) = cell.pins["Q"]
        assert isinstance(bit, int)
        self.registers[bit] = value
        clocks = [f"{edge} {cell.pin('CLK')}"]
        if mode == "ASYNC" and reset != "1'b0":
            if reset.startswith("~"):
                raise cell.refuse("an asynchronous reset that is not inverted", reset)
            clocks.append(f"posedge {reset}")
        key = (" or ".join(clocks), reset, enable)
        self.processes.setdefault(key, []).append((f"n{bit}", f"1'b{value}", cell.pin("DI")))

    def distributed(self, cell: _Cell) -> None:
        edge = {"WCK": "posedge", "INV": "negedge"}[cell.word("WCKMUX", "WCK", ("WCK", "INV"))]
        write = _muxed(cell, "WRE", cell.word("WREMUX", "WRE", ("WRE", "INV", "0", "1")))
        contents = cell.number("INITVAL", 64)
        name, word = cell.name, _vector(cell, "DI", 4)
        self.lines += [
            f"  reg [3:0] {name} [0:15];",
            "  initial begin",
            *(f"    {name}[{k}] = 4'd{contents >> 4 * k & 15};" for k in range(16)),
            "  end",
            f"  always @({edge} {cell.pin('WCK')})",
            f"    if ({write}) {name}[{_vector(cell, 'WAD', 4)}] <= {word};",
            f"  wire [3:0] {name}_read = {name}[{_vector(cell, 'RAD', 4)}];",
        ]
        for k, bit in enumerate(cell.pins.get("DO", ())):
            self.lines.append(f"  assign {_shown(bit)} = {name}_read[{k}];")

    def module(self, cell: _Cell) -> None:
        text = next(path for path in OURS if path.stem == cell.kind).read_text()
        body = text[: text.index("endmodule")]
        declared = re.findall(r"^    parameter (?:\[\d+:0\] )?(\w+) =", body, re.MULTILINE)
        values = [
            f".{name}({_literal(value)})"
            for name, value in cell.rest(declared).items()
            if not (name.startswith("INITVAL_") and not set(value) - set("0x"))
        ]
        pins = [f".{name}({_shown(bits[0])})" for name, bits in cell.pins.items() if bits]
        head = f"{cell.kind} #(\n    " + ",\n    ".join(values) + "\n  )" if values else cell.kind
        self.lines.append(f"  {head} {cell.name} (")
        rows = [pins[k : k + _BITS_A_LINE] for k in range(0, len(pins), _BITS_A_LINE)]
        self.lines.append(",\n".join("    " + ", ".join(row) for row in rows) + ");")

    def written(self) -> Iterator[str]:
        """Registers first, which everything reads."""
        for bit, value in self.registers.items():
            yield f"  reg n{bit} = 1'b{value};"
        yield from self.lines
        for (edges, reset, enable), bits in self.processes.items():
            yield f"  always @({edges})"
            taken = [f"      {q} <= {d};" for q, _, d in bits]
            if enable != "1'b1":
                taken = [f"    if ({enable}) begin", *taken, "    end"]
            else:
                taken = ["    begin", *taken, "    end"]
            if reset != "1'b0":
                yield f"    if ({reset}) begin"
                yield from (f"      {q} <= {value};" for q, value, _ in bits)
                yield "    end else"
            yield from taken


def _muxed(cell: _Cell, pin: str, choice: str) -> str:
    if choice in "01":
        return f"1'b{choice}"
    inner = cell.pin(pin)
    if choice != "INV":
        return inner
    return {"1'b0": "1'b1", "1'b1": "1'b0"}.get(inner, f"~{inner}")


def _vector(cell: _Cell, pin: str, bits: int) -> str:
    return "{" + ", ".join(cell.pin(pin, k) for k in reversed(range(bits))) + "}"


def _literal(value: str) -> str:
    """A parameter as Yosys writes it: bits, or text; text that reads as bits ends in a space."""
    if value and not set(value) - set("01x"):
        return f"{len(value)}'h{int(value.replace('x', '0'), 2):x}"
    return f'"{value.removesuffix(" ") if not value.strip(" 01xz") else value}"'


_KINDS: dict[str, Callable[[_Writer, _Cell], None]] = {
    "LUT4": _Writer.lut,
    "CCU2C": _Writer.carry,
    "PFUMX": lambda w, c: w.assign(c, "Z", f"{c.pin('C0')} ? {c.pin('ALUT')} : {c.pin('BLUT')}"),
    "L6MUX21": lambda w, c: w.assign(c, "Z", f"{c.pin('SD')} ? {c.pin('D1')} : {c.pin('D0')}"),
    "TRELLIS_FF": _Writer.flip_flop,
    "TRELLIS_DPR16X4": _Writer.distributed,
    "DP16KD": _Writer.module,
    "MULT18X18D": _Writer.module,
    "$scopeinfo": lambda w, c: (c.rest(), None)[1],
}


def netlist_verilog(design: Mapping[str, Any], top: str, name: str) -> str:
    """The module `top` of a design that Yosys wrote as JSON, as a Verilog module `name`.

    Raises InputError for a netlist with another module below `top`, and for what is not described.
    """
    netlist = design["modules"][top]
    writer = _Writer()
    for number, cell in enumerate(netlist["cells"].values()):
        it = _Cell(f"c{number}", cell)
        if it.kind not in _KINDS:
            raise it.refuse(f"one of {', '.join(_KINDS)}", "another cell")
        _KINDS[it.kind](writer, it)
        it.end()
    ports = netlist["ports"]
    body = list(writer.written())
    driven, nets, declared = [], set(), []
    for port, its in ports.items():
        declared.append(f"{its['direction']} [{len(its['bits']) - 1}:0] {port}")
        for k, bit in enumerate(its["bits"]):
            if its["direction"] == "input":
                nets.add(bit)
                driven.append(f"  assign n{bit} = {port}[{k}];")
            else:
                driven.append(f"  assign {port}[{k}] = {_shown(bit)};")
    for cell in netlist["cells"].values():
        nets |= {bit for bits in cell["connections"].values() for bit in bits}
    wires = sorted(n for n in nets if isinstance(n, int) and n not in writer.registers)
    return "\n".join(
        [
            f"module {name} (",
            "  " + ",\n  ".join(declared),
            ");",
            *(f"  wire n{n};" for n in wires),
            *body,
            *driven,
            "endmodule\n",
        ]
    )
