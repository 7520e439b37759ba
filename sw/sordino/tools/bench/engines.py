"""One run over many matrices: every engine on each, side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sordino.engines.errors import ToolError
from sordino.model.load import load_model
from sordino.tools.bench.cases import BenchCase, laplacian_case, model_case
from sordino.tools.bench.cycles import EngineName, MatrixCycles, measure_cycles
from sordino.tools.bench.sizes import Sizes, measure_sizes
from sordino.tools.bench.trained import FLOAT, GROUPED, TRAINED_BITS, find_trained
from sordino.tools.peers import Vela

__all__ = ["EngineBench", "bench_engines", "default_cases", "find_vela"]

_CYCLE_BITS = 5
"""Cycles depend on where weights are, not on their bits: they are counted for one width."""


@dataclass(frozen=True)
class EngineBench:
    """Sizes of every case and, where they were measured, cycles; `notes` say what is missing."""

    sizes: tuple[Sizes, ...]
    cycles: tuple[MatrixCycles, ...]
    vela: str | None
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "vela": self.vela,
            "sizes": [row.as_dict() for row in self.sizes],
            "cycles": [row.as_dict() for row in self.cycles],
            "notes": list(self.notes),
        }


def find_vela() -> tuple[Vela | None, list[str]]:
    """Vela, or why there is none."""
    try:
        return Vela(), []
    except ToolError as error:
        return None, [f"Vela is left out: {error}"]


def default_cases(
    bits: Sequence[int], zeros: Sequence[float], groups: Sequence[int], *, models: Sequence[Path]
) -> tuple[list[BenchCase], list[str]]:
    """Random matrices, and the trained models in some folders; and which are left out.

    models  folders where their files may be; none of them: random matrices alone
    The float model is pruned as the compiler does; the one trained for groups of 4 is as it is.
    """
    cases = [laplacian_case(b, z, g) for g in groups for b in bits for z in zeros]
    if not models:
        return cases, []
    notes = []
    path = find_trained(FLOAT, models)
    if path is None:
        notes.append(_left_out(FLOAT, models))
    else:
        model = load_model(path)
        # Larger groups than an LSTM's four gates are not a pattern that models are pruned to.
        small = [g for g in groups if g in (1, 4)]
        cases += [model_case(model, b, z, g) for g in small for b in bits for z in zeros]
    path = find_trained(GROUPED, models)
    if path is None:
        notes.append(_left_out(GROUPED, models))
    elif 4 in groups and TRAINED_BITS in bits:
        cases.append(model_case(load_model(path), TRAINED_BITS, None, 4))
    return cases, notes


def _left_out(name: str, folders: Sequence[Path]) -> str:
    return f"{name} is left out: it is not in {' or '.join(map(str, folders))}"


def bench_engines(
    cases: Sequence[BenchCase],
    lanes: Sequence[int],
    *,
    vela: Vela | None = None,
    cycles: EngineName | None = "cycles",
    notes: Sequence[str] = (),
    on_case: Callable[[int], None] = lambda _: None,
) -> EngineBench:
    """Measure sizes of every case and, for single matrices of 5 bits or a user's, cycles.

    `cycles` names the engine that counts them, None leaves them out. Every engine gets the same
    matrices. `on_case` is called with 1 after each case. Raises ToolError where the circuit
    cannot be compiled, Mismatch if a product is wrong.
    """
    sizes, times = [], []
    for case in cases:
        row = measure_sizes(case, lanes, vela)
        sizes.append(row)
        wanted = case.model is None and (case.zeros is None or case.bits == _CYCLE_BITS)
        if cycles is not None and wanted:
            times += [
                measure_cycles(case, count, engine=cycles, vela=row.vela_cycles)
                for count in lanes
                if count % case.group == 0
            ]
        on_case(1)
    version = None if vela is None else f"{vela.version}, {vela.accelerator}"
    return EngineBench(tuple(sizes), tuple(times), version, tuple(notes))
