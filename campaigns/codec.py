"""Sizes of the same matrices in every code that was considered: bits over the entropy H0.

Random Laplacian matrices and trained models, dealt as the compiler deals; everything counted:
stream memories in whole words, tables, directory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from campaigns.common import find_model, models_option, output_option, write_page
from campaigns.prefix import prefix_bits
from sordino.arch import Config
from sordino.codec import encode_matrices
from sordino.model.load import load_model
from sordino.reference.markdown import table
from sordino.tools.bench.cases import BenchCase, laplacian_case, model_case
from sordino.tools.bench.sizes import case_machine, deal_case
from sordino.tools.bench.trained import FLOAT, GROUPED
from sordino.tools.peers import block_bound_bits, order0_bits

__all__ = ["CodeSizes", "measure"]

STATE_BITS = (9, 8, 7, 6)
LANES = (16, 64)
SHAPES = ((1024, 512), (2048, 1024))


@dataclass(frozen=True)
class CodeSizes:
    """One case on so many lanes; bits a weight.

    reference     H0, in groups of more than one row the block bound
    tans          by log2 of the states; None where an alphabet does not fit
    prefix        Golomb–Rice runs and Huffman values
    stream_bytes  mean over the streams that are not empty, 256 states
    shares        of 256 states: streams, rounding to words, tables, directory
    """

    reference: float
    tans: dict[int, float | None]
    prefix: float
    stream_bytes: float
    shares: tuple[float, float, float, float]

    def over(self, bits: float | None) -> float | None:
        """Over the reference."""
        return None if bits is None else bits / self.reference


def measure(case: BenchCase, lanes: int) -> CodeSizes:
    """Encode a case with every code."""
    config = case_machine(case, lanes)
    slots, weights = deal_case(case, config)
    bound = [
        block_bound_bits(matrix, case.group) if case.group > 1 else order0_bits(matrix)
        for matrix in case.matrices
    ]
    tans: dict[int, float | None] = {}
    for bits in STATE_BITS:
        tans[bits] = _tans(slots, weights, replace(config, state_bits=bits))
    shares, stream_bytes = _parts(slots, weights, config)
    return CodeSizes(
        reference=sum(bound) / case.weights,
        tans=tans,
        prefix=prefix_bits(slots, config) / case.weights,
        stream_bytes=stream_bytes,
        shares=shares,
    )


def _tans(
    slots: Sequence[NDArray[np.int8]], weights: Sequence[int], config: Config
) -> float | None:
    try:
        return encode_matrices(slots, config, weights=weights).bits_per_weight
    except ValueError:  # more symbols than states
        return None


def _parts(
    slots: Sequence[NDArray[np.int8]], weights: Sequence[int], config: Config
) -> tuple[tuple[float, float, float, float], float]:
    """Bits a weight of streams, rounding, tables and directory; mean bytes of a stream."""
    encoded = encode_matrices(slots, config, weights=weights)
    total = sum(weights)
    exact = sum(s.position_bits + s.value_bits for s in encoded.stats)
    streams = [n for m in encoded.matrices for n in (*m.position_bits, *m.value_bits) if n]
    tables = encoded.run_table_bits + sum(s.table_bits for s in encoded.stats)
    directory = sum(s.directory_bits for s in encoded.stats)
    shares = (exact / total, encoded.rounding_bits / total, tables / total, directory / total)
    return shares, exact / 8 / max(1, len(streams))


def _row(case: BenchCase, lanes: int, sizes: CodeSizes) -> tuple[str, ...]:
    def cell(bits: float | None) -> str:
        return "–" if bits is None else f"{bits / sizes.reference:.4f}"

    _, rounding, tables, directory = sizes.shares
    return (
        case.source,
        str(case.bits),
        str(case.group),
        f"{1 - case.non_zeros / case.weights:.1%}",
        str(lanes),
        f"{sizes.stream_bytes:,.0f}",
        f"{sizes.reference:.3f}",
        *(cell(sizes.tans[bits]) for bits in STATE_BITS),
        cell(sizes.prefix),
        *(f"{part / sizes.reference:.2%}" for part in (rounding, tables, directory)),
    )


_HEADINGS = (
    "matrix", "bits", "group", "zeros", "lanes", "bytes a stream", "H0 or bound",
    *(f"tANS {1 << bits}" for bits in STATE_BITS),
    "Rice + Huffman", "rounding", "tables", "directory",
)  # fmt: skip


def _trained(models: Path) -> list[BenchCase]:
    grouped = load_model(find_model(GROUPED, models), None)
    single = load_model(find_model(FLOAT, models), None)
    return [model_case(grouped, 5, None, 4), model_case(single, 5, 0.5, 1)]


@click.command()
@output_option("codec.md")
@models_option
def main(output: Path, models: Path) -> None:
    """Every matrix on 16 and 64 lanes, in groups of 1 and 4."""
    cases = _trained(models)
    for group in (1, 4):
        for shape in SHAPES:
            for bits in (4, 5, 8):
                for zeros in (0.0, 0.5, 0.8, 0.95):
                    cases.append(laplacian_case(bits, zeros, group, shape))
    rows = []
    for case in cases:
        for lanes in LANES:
            rows.append(_row(case, lanes, measure(case, lanes)))
            click.echo(" | ".join(rows[-1]), err=True)
    text = (
        "Bits over H0, in groups of 4 over the block bound (entropy of which groups are zero and "
        "of the weights in the others). The last three columns are parts of tANS with 256 states, "
        "over the same reference; padding places and initial states are in the streams. – means "
        "that the runs need more symbols than there are states. Rice and Huffman streams have no "
        "limit on a run here.\n"
    )
    write_page(
        output,
        "Sizes of the codes considered",
        [text, table(_HEADINGS, rows)],
    )
