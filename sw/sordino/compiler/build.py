"""A graph and a program to an image: round, prove, deal, encode, schedule, verify."""

from collections.abc import Callable
from dataclasses import dataclass

from sordino.arch import Config
from sordino.arith import BIAS_BITS
from sordino.codec import EncodedMatrices
from sordino.compiler.limits.allocate import need_streams
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.limits.limits import Limits
from sordino.compiler.numbers.fidelity import warn_of_noise
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.options import CompileOptions
from sordino.compiler.passes.chunk import check_chunk, encode_chunked
from sordino.compiler.passes.place import PlacedGraph, place_all
from sordino.compiler.passes.proof import AccumulatorBound, bits_needed, prove
from sordino.compiler.passes.quantise import QuantisedGraph, quantise_graph
from sordino.compiler.passes.residency import place_weights
from sordino.compiler.program.schedule import Program, Scheduled, schedule
from sordino.compiler.report import MatrixSummary, summarise_layer
from sordino.compiler.segments.rooms import Parts, check_stated, encode_parts
from sordino.graph.graph import Graph
from sordino.image.checks.verify import verify
from sordino.image.host import HostSection
from sordino.image.image import Image
from sordino.image.segments.segment import place_streams

__all__ = ["Built", "build"]


@dataclass(frozen=True, eq=False)
class Built:
    """An image, what was encoded, and its matrices in numbers."""

    image: Image
    encoded: EncodedMatrices
    layers: list[MatrixSummary]
    quantised: QuantisedGraph


def build(
    graph: Graph,
    program: Program,
    config: Config,
    options: CompileOptions,
    precision: Precision,
    section: Callable[[Scheduled, EncodedMatrices], HostSection],
) -> Built:
    """Build the image of a graph whose numbers are ready to be rounded.

    `section` makes the host section. Raises DoesNotFit where the machine is too small, CompileError
    where no machine runs the graph.
    """
    if not list(graph.matrices()):
        raise CompileError(
            "wanted a graph with a matrix, got none: nothing is there to compile; add a layer"
        )
    limits = Limits(config)
    quantised, bounds = _proven(graph, precision, limits)
    warn_of_noise(quantised.snr_db)
    placed, parts = _encode(quantised, limits, options, precision)
    encoded = parts.encoded
    need_streams(encoded, limits)
    parts.need(limits)
    scheduled = schedule(program, placed, encoded, limits, options.chunk)
    rooms = parts.section(scheduled.apart)
    positions, values = encoded.positions, encoded.values
    host = section(scheduled, encoded)
    if rooms:
        positions, values = place_streams(encoded, list(rooms.values()))
        host = host.changed(segments=rooms)
    image = Image(
        config=config,
        program=scheduled.program,
        parameters=scheduled.parameters,
        tables=encoded.tables,
        matrices=encoded.matrices,
        positions=positions,
        values=values,
        external=encoded.external,
        host=host,
    )
    verify(image)
    layers = [
        report
        for layer in placed.layers
        for report in summarise_layer(layer, encoded, bounds[layer.name], quantised.snr_db)
    ]
    return Built(image, encoded, layers, quantised)


def _proven(
    graph: Graph, precision: Precision, limits: Limits
) -> tuple[QuantisedGraph, dict[str, AccumulatorBound]]:
    """The graph in integers, and the bounds of its layers by their names.

    Where accumulators are too narrow it is for a machine with wider ones; CompileError where no
    machine's are wide enough.
    """
    while True:
        quantised = quantise_graph(graph, precision, limits.config.accumulator_bits)
        widest = max(quantised.layers, key=bits_needed)
        needed = bits_needed(widest)
        if not limits.config.accumulator_bits < needed <= BIAS_BITS:
            bits = limits.config.accumulator_bits
            return quantised, {layer.name: prove(layer, bits) for layer in quantised.layers}
        limits.grow("accumulator_bits", needed, widest.name)


def _encode(
    quantised: QuantisedGraph, limits: Limits, options: CompileOptions, precision: Precision
) -> tuple[PlacedGraph, Parts]:
    """All matrices dealt and encoded, and where their streams lie."""
    check_stated(quantised.graph.segments, options.rooms)
    if options.chunk > 1:
        check_chunk(quantised.graph, limits.config, options.weights)
        placed, encoded = encode_chunked(quantised, limits, options.chunk)
        return placed, Parts(place_weights(encoded, limits.config, options.weights), {})
    placed = place_all(quantised, limits)
    return placed, encode_parts(placed, limits, precision, options.weights, options.rooms)
