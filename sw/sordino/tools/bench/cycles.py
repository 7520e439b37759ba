"""Cycles of the same matrices: the circuit, stored zeros, ideal, Vela's estimate."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sordino.tools.bench.cases import BenchCase
from sordino.tools.bench.matvec_bench import bench_matvec

__all__ = ["EngineName", "MatrixCycles", "cycle_table", "measure_cycles"]

EngineName = Literal["rtl", "cycles"]


@dataclass(frozen=True, kw_only=True)
class MatrixCycles:
    """One matrix times one vector on so many lanes, the product checked.

    engine          the circuit, or the cycle engine, which agrees with it
    cycles          TABLE, MATVEC and DRAIN
    matvec          MATVEC alone, decoder start included
    ideal           places that are not zero / lanes: what no balance beats
    stored          MATVEC with zeros stored: every place takes its cycle
    useful          non-zeros / (lanes · MATVEC cycles)
    vela            Vela's estimate of NPU cycles, memory left out
    """

    engine: EngineName
    source: str
    bits: int
    zeros: float
    group: int
    lanes: int
    cycles: int
    matvec: int
    ideal: float
    stored: int
    useful: float
    vela: int | None

    @property
    def utilisation(self) -> float:
        """The share of the lanes' cycles with a place that is not all zero."""
        return self.ideal / self.matvec

    @property
    def speedup(self) -> float:
        """The cycles with zeros stored over those with zeros skipped."""
        return self.stored / self.matvec

    def as_dict(self) -> dict[str, Any]:
        """Fields and properties by name."""
        return {**asdict(self), "utilisation": self.utilisation, "speedup": self.speedup}


def measure_cycles(
    case: BenchCase, lanes: int, *, engine: EngineName = "cycles", vela: int | None = None
) -> MatrixCycles:
    """Run a case of one matrix, zeros skipped and stored; Mismatch if a product is wrong."""
    (matrix,) = case.matrices
    result = bench_matvec(matrix, lanes, case.group, engine=engine)
    stored = bench_matvec(matrix, lanes, case.group, zeros="stored", engine=engine)
    return MatrixCycles(
        engine=engine,
        source=case.source,
        bits=case.bits,
        zeros=1 - case.non_zeros / case.weights,
        group=case.group,
        lanes=lanes,
        cycles=result["cycles"],
        matvec=result["matvec_cycles"],
        ideal=result["places"] * case.group / lanes,
        stored=stored["matvec_cycles"],
        useful=result["non_zeros"] / (lanes * result["matvec_cycles"]),
        vela=vela,
    )


def cycle_table(rows: Sequence[MatrixCycles]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows of a table."""
    header = (
        "matrix",
        "bits",
        "group",
        "zeros",
        "lanes",
        "cycles",
        "MATVEC",
        "ideal",
        "utilisation",
        "useful",
        "zeros stored",
        "gained",
        "Vela's estimate",
    )
    body: list[tuple[str, ...]] = [
        (
            row.source,
            str(row.bits),
            str(row.group),
            f"{row.zeros:.1%}",
            str(row.lanes),
            f"{row.cycles:,}",
            f"{row.matvec:,}",
            f"{row.ideal:,.0f}",
            f"{row.utilisation:.4f}",
            f"{row.useful:.4f}",
            f"{row.stored:,}",
            f"{row.speedup:.2f} ×",
            "–" if row.vela is None else f"{row.vela:,}",
        )
        for row in rows
    ]
    return header, body
