"""The multiplier's behaviour equals a description of it in Python, and refuses all else."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.sim.netlist.icarus import icarus

CYCLES = 300
STAGES = ("INPUTA", "INPUTB", "PIPELINE", "OUTPUT")
USES: list[dict[str, int | None]] = [
    {},
    {"OUTPUT": 0},
    {"INPUTA": 1, "INPUTB": 1},
    {"INPUTA": 2, "PIPELINE": 2},
    {"PIPELINE": 3},
    {"INPUTA": 0, "INPUTB": 1, "PIPELINE": 2, "OUTPUT": 3},
]
"""Which registers there are; the number is that of their clock, enable and reset."""
SIGNS = [(0, 0), (0, 1), (1, 0), (1, 1)]


@dataclass
class Multiplier:
    """What the cell does: registers by stage, each with a number of its clock, or none."""

    use: dict[str, int | None]
    signs: tuple[int, int]
    held: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))

    def now(self, a: int, b: int) -> dict[str, tuple[int, int]]:
        """What every stage gets and gives."""
        values = {}
        for stage in STAGES:
            if stage == "PIPELINE":
                x, y = values["INPUTA"][1], values["INPUTB"][1]
                x -= (x >> 17 & self.signs[0]) << 18
                y -= (y >> 17 & self.signs[1]) << 18
                arriving = x * y % (1 << 36)
            else:
                arriving = {"INPUTA": a, "INPUTB": b}.get(stage)
                arriving = values["PIPELINE"][1] if arriving is None else arriving
            leaving = arriving if self.use.get(stage) is None else self.held[stage]
            values[stage] = arriving, leaving
        return values

    def edge(self, a: int, b: int, enables: int, resets: int) -> int:
        """An edge of all clocks; returns the product behind it."""
        arriving = {stage: pair[0] for stage, pair in self.now(a, b).items()}
        for stage in STAGES:
            number = self.use.get(stage)
            if number is None:
                continue
            if resets >> number & 1:
                self.held[stage] = 0
            elif enables >> number & 1:
                self.held[stage] = arriving[stage]
        return self.now(a, b)["OUTPUT"][1]


def instance(name: str, use: dict[str, int | None], signs: tuple[int, int]) -> str:
    values = [
        f'.REG_{stage}_{what}("{what}{number}")'
        for stage, number in use.items()
        for what in ("CLK", "CE", "RST")
    ]
    pins = [f".{p}{k}({p.lower()}[{k}])" for p in "AB" for k in range(18)]
    pins += [f".P{k}({name}[{k}])" for k in range(36)]
    pins += [f".SIGNED{p}({sign} ^ flip)" for p, sign in zip("AB", signs, strict=True)]
    pins += [f".C{k}(c)" for k in range(18)] + [".SOURCEA(sa)", ".SOURCEB(sb)"]
    pins += [f".{p}{k}({p.lower()}[{k}])" for p in ("CLK", "CE", "RST") for k in range(4)]
    more = f"wire [35:0] {name};\nMULT18X18D "
    return more + (f"#({', '.join(values)}) " if values else "") + f"m{name} ({', '.join(pins)});"


def bench(instances: str, steps: str) -> str:
    return f"""
module bench;
reg [17:0] a = 0, b = 0;
reg [3:0] clk = 0, ce = 0, rst = 0;
reg c = 0, sa = 0, sb = 0, flip = 0;
{instances}
initial begin
{steps}
$finish; end
endmodule
"""


@pytest.mark.parametrize("signs", SIGNS, ids=str)
def test_equals_its_description(tmp_path, signs):
    rng = np.random.default_rng(signs)
    duts = [Multiplier(use, signs) for use in USES]
    instances = [instance(f"p{n}", use, signs) for n, use in enumerate(USES)]
    shown = "".join("%h " for _ in USES), ", ".join(f"p{n}" for n in range(len(USES)))
    steps, expected = [], []
    edges = (0, 1, (1 << 17) - 1, 1 << 17, (1 << 18) - 1)
    for _ in range(CYCLES):
        a, b = (
            int(rng.choice(edges)) if rng.random() < 0.3 else int(rng.integers(1 << 18))
            for _ in range(2)
        )
        enables = int(rng.integers(16))
        resets = int(rng.integers(16)) & enables if rng.random() < 0.2 else 0
        steps.append(
            f"a = {a}; b = {b}; ce = {enables}; rst = {resets}; #1 clk = 15; #1 "
            f'$display("{shown[0]}", {shown[1]}); clk = 0;'
        )
        expected.append([f"{dut.edge(a, b, enables, resets):09x}" for dut in duts])
    code, said = icarus(tmp_path, bench("\n".join(instances), "\n".join(steps)))
    assert code == 0, said
    assert [line.split() for line in said.splitlines()] == expected
    assert all(len(set(column)) > CYCLES // 10 for column in zip(*expected, strict=True))


EDGE = "#1 clk = 15; #1 clk = 0;"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REG_INPUTC_CLK", "CLK0"),
        ("CLK2_DIV", "DISABLED"),
        ("HIGHSPEED_CLK", "CLK0"),
        ("CAS_MATCH_REG", "TRUE"),
        ("SOURCEB_MODE", "C_SHIFT"),
        ("MULT_BYPASS", "ENABLED"),
        ("RESETMODE", "ASYNC"),
        ("GSR", "PERHAPS"),
    ],
)
def test_a_value_that_is_not_described_stops(tmp_path, name, value):
    text = instance("p", {}, (0, 0)).replace("MULT18X18D", f'MULT18X18D #(.{name}("{value}"))')
    code, said = icarus(tmp_path, bench(text, EDGE))
    assert code != 0
    assert f"MULT18X18D: unknown {name.replace('2_', '_')}" in said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("CLK4", "unknown clock"), ("CE4", "unknown clock enable"), ("RST4", "unknown reset")],
)
def test_a_register_that_is_not_described_stops(tmp_path, wrong, said):
    text = instance("p", {"OUTPUT": 0}, (0, 0)).replace(f'"{wrong[:-1]}0"', f'"{wrong}"')
    code, output = icarus(tmp_path, bench(text, EDGE))
    assert code != 0
    assert f"MULT18X18D: {said}" in output


@pytest.mark.parametrize(
    ("use", "steps", "said"),
    [
        ({}, "c = 1;", "unknown use of C"),
        ({}, "sa = 1;", "unknown use of SOURCEA, SOURCEB"),
        ({}, "sb = 1;", "unknown use of SOURCEA, SOURCEB"),
        ({"INPUTA": 0}, f"{EDGE} flip = 1;", "SIGNEDA or SIGNEDB changes beside registers"),
        ({"OUTPUT": 0}, "rst = 1;", "reset of a register that is not enabled"),
    ],
)
def test_a_use_that_is_not_described_stops(tmp_path, use, steps, said):
    code, output = icarus(tmp_path, bench(instance("p", use, (0, 1)), steps + EDGE))
    assert code != 0
    assert f"MULT18X18D: {said}" in output
