"""Measured figures beside the best that others report and what Sordino set out to reach."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sordino.tools.bench.cycles import MatrixCycles
from sordino.tools.bench.frames import EncoderUse
from sordino.tools.bench.sizes import Sizes

__all__ = [
    "FIGURES_HEADER",
    "Figure",
    "figure_rows",
    "group_figures",
    "matvec_figures",
    "missing_figure",
    "model_figure",
    "rate_figure",
    "size_figures",
    "step_figure",
    "use_figures",
]

FIGURES_HEADER = ("figure", "best known or limit", "reached", "to reach", "met", "printed by")
_ENGINES = "sordino bench engines"
_PAGE = "make bench"
_KILOBYTE = 1000
_VELA_BYTES = 512


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table; `met` is None where this run could not measure it."""

    figure: str
    best: str
    reached: str
    target: str
    met: bool | None
    command: str


def figure_rows(figures: Iterable[Figure]) -> list[tuple[str, ...]]:
    """Rows of a table."""
    verdict = {True: "yes", False: "**no**", None: "–"}
    return [(f.figure, f.best, f.reached, f.target, verdict[f.met], f.command) for f in figures]


def _worst(
    figure: str,
    best: str,
    rows: Sequence[tuple[Sizes, int]],
    measure: Callable[[Sizes, int], float],
    most: float,
) -> Figure:
    """The worst of some sizes, how many reach what they should, and which is the worst."""
    measured = sorted(((measure(s, lanes), s, lanes) for s, lanes in rows), key=lambda m: -m[0])
    reached, met = "no such matrix in this run", None
    if measured:
        value, sizes, lanes = measured[0]
        fine = sum(m[0] <= most for m in measured)
        met = fine == len(measured)
        group = "" if sizes.group == 1 else f", groups of {sizes.group}"
        reached = (
            f"{measured[-1][0]:.3f}–{value:.3f}; {fine} of {len(measured)} matrices; worst "
            f"{sizes.source}, {sizes.bits} bits, {sizes.zeros:.0%} zeros{group}, {lanes} lanes"
        )
    return Figure(
        figure=figure,
        best=best,
        reached=reached,
        target=f"≤ {most:g}",
        met=met,
        command=_ENGINES,
    )


def _vela(rows: Sequence[tuple[Sizes, int]]) -> str:
    over = [s.vela / s.reference for s, _ in rows if s.vela and s.reference]
    return f"Vela {min(over):.3f}–{max(over):.3f}" if over else "Vela was left out"


def size_figures(sizes: Sequence[Sizes], trained: frozenset[str]) -> list[Figure]:
    """Bits per weight over H0 in groups of 1; `trained` names the sources that are models."""
    rows = [(s, e.lanes) for s in sizes if s.group == 1 for e in s.sordino]

    def over(row: Sizes, lanes: int) -> float:
        return row.over(lanes)

    def against_vela(row: Sizes, lanes: int) -> float:
        return row.encoded_for(lanes).bits_per_weight / (row.vela or 1)

    def long(row: Sizes, lanes: int) -> bool:
        return row.encoded_for(lanes).stream_bytes >= _KILOBYTE

    random16 = [r for r in rows if r[1] == 16 and r[0].source not in trained]
    model16 = [r for r in rows if r[1] == 16 and r[0].source in trained]
    long64 = [r for r in rows if r[1] == 64 and long(*r)]
    short64 = [r for r in rows if r[1] == 64 and not long(*r)]
    dense = [r for r in rows if r[0].bits == 8 and r[0].zeros_asked == 0]
    beside = [r for r in rows if r[0].vela and r[0].encoded_for(r[1]).stream_bytes >= _VELA_BYTES]
    head = "bits per weight over H0, groups of 1:"
    return [
        _worst(f"{head} Laplacian, 16 lanes", _vela(random16), random16, over, 1.01),
        _worst(f"{head} trained, whole model, 16 lanes", _vela(model16), model16, over, 1.005),
        _worst(f"{head} 64 lanes, streams of 1 kB or more", _vela(long64), long64, over, 1.01),
        _worst(f"{head} 64 lanes, shorter streams", _vela(short64), short64, over, 1.03),
        _worst(f"{head} 8 bits, dense", _vela(dense), dense, over, 1.02),
        _worst(
            "bits over Vela's, groups of 1, streams of 512 B or more",
            "Vela 1",
            beside,
            against_vela,
            1.0,
        ),
    ]


def group_figures(sizes: Sequence[Sizes], what: str = "") -> list[Figure]:
    """Bits per weight over the block bound, one line for each group; `what` names the matrices."""
    figures = []
    for group in sorted({s.group for s in sizes if s.group > 1}):
        rows = [
            (s, e.lanes) for s in sizes if s.group == group and s.zeros_asked for e in s.sordino
        ]
        over = [s.bitmap / s.reference for s, _ in rows if s.reference]
        bitmap = f"bitmap + raw values {min(over):.3f}–{max(over):.3f}; " if over else ""
        figures.append(
            _worst(
                f"bits per weight over the block bound, zeros in groups of {group} rows{what}",
                bitmap + _vela(rows),
                rows,
                lambda row, lanes: row.over(lanes),
                1.03,
            )
        )
    return figures


def matvec_figures(rows: Sequence[tuple[MatrixCycles, float, float | None]]) -> list[Figure]:
    """Utilisation of one matrix, and what is gained over stored zeros: (cycles, least, gain)."""
    figures = []
    for row, least, gain in rows:
        name = (
            f"{row.source}, {row.lanes} lanes, groups of {row.group}, {row.zeros:.0%} zeros, "
            f"{row.engine}"
        )
        figures.append(
            Figure(
                figure=f"utilisation of MATVEC, {name}",
                best="CSB-RNN > 0.95, ESE 0.69, BBS 0.62, Ethos-U85 0.01–0.36",
                reached=f"{row.utilisation:.4f} ({row.matvec:,} cycles)",
                target=f"≥ {least:g}",
                met=row.utilisation >= least,
                command=_PAGE,
            )
        )
        if gain is not None:
            figures.append(
                Figure(
                    figure=f"skipped over stored zeros, {name}",
                    best=f"ideal {1 / (1 - row.zeros):.2f}",
                    reached=f"{row.speedup:.2f} ({row.stored:,} cycles stored)",
                    target=f"≥ {gain:g}",
                    met=row.speedup >= gain,
                    command=_PAGE,
                )
            )
    return figures


def use_figures(uses: Sequence[tuple[str, EncoderUse, float, float | None]]) -> list[Figure]:
    """Utilisation of a model's encoder: (name, use, least of MATVEC, least of the frame)."""
    figures = []
    for name, use, least, frame in uses:
        figures.append(
            Figure(
                figure=f"utilisation of MATVEC, {name}, {use.lanes} lanes, groups of {use.group}, "
                f"{use.engine}",
                best="gates on fixed lanes 0.73 (16 lanes), 0.68 (64)",
                reached=f"{use.matvec_utilisation:.4f} ({use.matvec:,.0f} cycles a frame)",
                target=f"≥ {least:g}",
                met=use.matvec_utilisation >= least,
                command=_PAGE,
            )
        )
        if frame is not None:
            figures.append(
                Figure(
                    figure=f"utilisation of a whole encoder frame, {name}, {use.lanes} lanes, "
                    f"groups of {use.group}, {use.engine}",
                    best="–",
                    reached=f"{use.utilisation:.4f} ({use.cycles:,.0f} cycles a frame)",
                    target=f"≥ {frame:g}",
                    met=use.utilisation >= frame,
                    command=_PAGE,
                )
            )
    return figures


def step_figure(use: EncoderUse, steps: int, most: int, vela: str) -> Figure:
    """Cycles of one LSTM-640 step: the mean of several that follow each other, or of one alone."""
    kind, cycles = (f"mean of {steps}", use.cycles) if steps > 1 else ("alone", use.alone)
    machine = f"{use.lanes} lanes, {use.engine}"
    return Figure(
        figure=f"LSTM-640 step, 75 % zeros, 4 bits, {machine}, {kind}: cycles",
        best=f"{vela}; ideal {use.ideal:,.0f}",
        reached=f"{cycles:,.0f}, of these MATVEC {use.matvec:,.0f}",
        target=f"≤ {most:,}",
        met=cycles <= most,
        command=_PAGE,
    )


def model_figure(instructions: int, difference: int) -> Figure:
    """The cycle engine against the circuit."""
    return Figure(
        figure="cycle engine against RTL, per instruction, AN4 model on `small`",
        best="usually an estimate",
        reached=f"{difference} cycles apart in {instructions:,} instructions",
        target="0",
        met=difference == 0,
        command=_PAGE,
    )


def rate_figure(machine: str, compiled: float, amaranth: float, least: int) -> Figure:
    """How fast the circuit is simulated."""
    return Figure(
        figure=f"RTL simulation of `{machine}` over Amaranth's simulator",
        best=f"{amaranth:,.0f} cycles/s",
        reached=f"{compiled / amaranth:,.0f} × ({compiled:,.0f} cycles/s)",
        target=f"≥ {least} ×",
        met=compiled >= least * amaranth,
        command=_PAGE,
    )


def missing_figure(figure: str, best: str, target: str, reason: str) -> Figure:
    """A figure that this run does not measure, and why."""
    return Figure(figure=figure, best=best, reached=reason, target=target, met=None, command="–")
