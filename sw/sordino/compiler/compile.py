"""The compiler, model to image: prune, quantise, prove, deal, encode, schedule, verify."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sordino.arch import PRESETS, Config
from sordino.arith import BIAS_BITS
from sordino.codec import EncodedMatrices
from sordino.compiler.limits.allocate import need_streams
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.limits.limits import Limits
from sordino.compiler.numbers.clip import CLIPS, Clip
from sordino.compiler.numbers.fidelity import warn_of_noise
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.numbers.prune import SHARES
from sordino.compiler.passes.canonical import canonical_model
from sordino.compiler.passes.chunk import (
    MOST_FRAMES,
    check_chunk,
    encode_chunked,
    encode_placed,
)
from sordino.compiler.passes.place import PlacedGraph, place_all
from sordino.compiler.passes.proof import AccumulatorBound, bits_needed, prove
from sordino.compiler.passes.prune import prune_model
from sordino.compiler.passes.quantise import QuantisedGraph, quantise_graph
from sordino.compiler.passes.residency import WEIGHTS, place_weights
from sordino.compiler.passes.rounded import settled_graph
from sordino.compiler.program.schedule import Scheduled, schedule
from sordino.compiler.programs.transducer import Transducer
from sordino.compiler.report import MatrixSummary, summarise_layer
from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.image.host import InputFormat, ModelFacts, NetworkSection, Stacking
from sordino.image.image import Image
from sordino.image.listing import listing
from sordino.image.verify import verify
from sordino.locks import exclusive_folder
from sordino.model.rnnt import EMBEDDING, MOST_BLANK_PENALTY, RnntModel

__all__ = ["CompileOptions", "Compiled", "compile_model"]

_FLOAT32_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class CompileOptions:
    """What the user chooses; CompileError for values that mean nothing.

    weight_bits  at most 2^weight_bits values a matrix, 2 to 8; None takes what the model was
                 trained for, else 8
    codebook     where they lie: uniform or lloyd-max; None takes the model's, else uniform
    layer_bits   (pattern, bits) of the matrices whose names fit; None takes the model's where
                 weight_bits are the model's, else none
    sparsity     share of weights (of groups where lanes share a position stream) to prune in
                 the matrices (all but the embedding); None leaves the zeros that are there
    shares       how that share is spread, one of SHARES: the same of every matrix, or of each
                 what is lost least
    clip         what weights may be at most: auto, none, or a factor of the median (`Clip`)
    max_symbols  tokens a frame at most; None takes the model's
    blank_penalty   nats that the score of blank is lower by
    weights      `resident`, `streamed` from external memory, or `auto`: streamed what does not fit
    chunk        frames for which a streamed matrix of the encoder that does not wait for the frame
                 before is read once
    """

    weight_bits: int | None = None
    codebook: str | None = None
    layer_bits: tuple[tuple[str, int], ...] | None = None
    sparsity: float | None = None
    shares: str = SHARES[0]
    clip: str | float = CLIPS[0]
    max_symbols: int | None = None
    blank_penalty: float = 0.0
    weights: str = "auto"
    chunk: int = 1

    def __post_init__(self) -> None:
        self._over(Precision())
        Clip(self.clip)
        if self.weights not in WEIGHTS:
            raise CompileError(f"wanted weights to be {', '.join(WEIGHTS)}, got {self.weights!r}")
        if self.sparsity is not None and not 0 <= self.sparsity <= 1:
            raise CompileError(f"wanted sparsity to be a share from 0 to 1, got {self.sparsity}")
        if self.shares not in SHARES:
            raise CompileError(f"wanted shares to be {' or '.join(SHARES)}, got {self.shares!r}")
        if not 1 <= self.chunk <= MOST_FRAMES:
            raise CompileError(f"wanted chunk to be 1 to {MOST_FRAMES} frames, got {self.chunk}")
        if self.max_symbols is not None and not 1 <= self.max_symbols <= 0xFFFF:
            raise CompileError(f"wanted max_symbols to be 1 to 65535, got {self.max_symbols}")
        if not abs(self.blank_penalty) <= MOST_BLANK_PENALTY:
            raise CompileError(
                f"wanted blank_penalty to be -{MOST_BLANK_PENALTY:g} to {MOST_BLANK_PENALTY:g} "
                f"nats, got {self.blank_penalty}"
            )

    def _over(self, own: Precision) -> Precision:
        layers = self.layer_bits
        if layers is None:
            layers = own.layers if self.weight_bits is None else ()
        return Precision(
            bits=own.bits if self.weight_bits is None else self.weight_bits,
            codebook=own.codebook if self.codebook is None else self.codebook,
            layers=layers,
        )

    def precision(self, model: RnntModel) -> Precision:
        """The weights' precision: what is chosen, or else what the model's meta says."""
        return self._over(Precision.of(model.meta.quantise))


@dataclass(frozen=True, eq=False)
class Compiled:
    """An image and what it is made of.

    embedding_snr_db   as `MatrixSummary.snr_db`, of the embedding, which is no matrix of the image
    """

    image: Image
    layers: list[MatrixSummary]
    encoded: EncodedMatrices
    embedding_snr_db: float | None

    def summary(self) -> dict[str, Any]:
        """The whole model in numbers: weights, zeros, bits a weight, bytes by section."""
        weights = sum(layer.weights for layer in self.layers)
        non_zeros = sum(layer.non_zeros for layer in self.layers)
        sections, host = self.image.section_bytes(), self.image.network
        stacking = host.model.time_reduction
        return {
            "config": self.image.config.name,
            "weight_bits": host.weight_bits,
            "sparsity": host.sparsity,
            "weights": weights,
            "non_zeros": non_zeros,
            "zeros": 1 - non_zeros / weights,
            "bits_per_weight": self.encoded.bits_per_weight,
            "h0": sum(layer.h0 * layer.weights for layer in self.layers) / weights,
            "places": sum(layer.places for layer in self.layers),
            "padding": sum(layer.padding for layer in self.layers),
            "embedding_snr_db": self.embedding_snr_db,
            "time_reduction": None if stacking is None else stacking.as_dict(),
            "parameters": host.model.parameters,
            "float32_bytes": host.model.float32_bytes,
            "sections": {kind.name.lower(): len(body) for kind, body in sections.items()},
            "instructions": len(self.image.program),
            "streamed": sum(matrix.streamed for matrix in self.image.matrices),
        }

    def write_report(self, folder: str | Path) -> None:
        """Write `layers.json` (summary and layers) and `listing.txt` into a folder."""
        folder = Path(folder)
        report = {"summary": self.summary(), "layers": [layer.as_dict() for layer in self.layers]}
        texts = {"layers.json": json.dumps(report, indent=2) + "\n"}
        texts["listing.txt"] = listing(self.image)
        with exclusive_folder(folder, "the folder of a report", wait=True):  # both of one image
            for name, text in texts.items():
                write_atomically(folder / name, text)


def compile_model(
    model: RnntModel, config: Config, options: CompileOptions | None = None
) -> Compiled:
    """Compile for one machine.

    The result depends on nothing but the arguments. Raises DoesNotFit where the machine is too
    small, CompileError where no machine runs the model, InputError where its meta describes
    features that do not fit it.
    """
    _check_kinds(model, config)
    options = options or CompileOptions()
    if options.max_symbols is not None:
        model = model.with_max_symbols(options.max_symbols)
    if options.blank_penalty:
        model = model.with_blank_penalty(options.blank_penalty)
    precision, clip = options.precision(model), Clip(options.clip)
    pruned = model
    if options.sparsity is not None:
        # A number that saturates would be most of what a matrix holds.
        sound = canonical_model(model)
        pruned = prune_model(sound, options.sparsity, config.group, options.shares)
    limits = Limits(config)
    quantised, bounds = _proven(pruned, precision, clip, limits)
    warn_of_noise(quantised.snr_db)
    placed, encoded = _encode(quantised, limits, options)
    need_streams(encoded, limits)
    program = Transducer(model.blank, model.max_symbols)
    scheduled = schedule(program, placed, encoded, limits, options.chunk)
    image = Image(
        config=config,
        program=scheduled.program,
        parameters=scheduled.parameters,
        tables=encoded.tables,
        matrices=encoded.matrices,
        positions=encoded.positions,
        values=encoded.values,
        external=encoded.external,
        host=_host(model, options, precision, scheduled, encoded),
    )
    verify(image)
    layers = [
        report
        for layer, bound in zip(placed.layers, bounds, strict=True)
        for report in summarise_layer(layer, encoded, bound, quantised.snr_db)
    ]
    return Compiled(image, layers, encoded, quantised.snr_db[f"{EMBEDDING}.weight"])


def _check_kinds(model: object, config: object) -> None:
    """Raise InputError for the name of a model or of a machine in its place."""
    if not isinstance(model, RnntModel):
        raise InputError(
            f"wanted a model to compile, got {model!r:.60}; load it with "
            "sordino.model.load.load_model"
        )
    if not isinstance(config, Config):
        raise InputError(
            f"wanted a machine as sordino.arch.Config, got {config!r:.60}; presets are in "
            f"sordino.arch.PRESETS: {', '.join(PRESETS)}"
        )


def _proven(
    model: RnntModel, precision: Precision, clip: Clip, limits: Limits
) -> tuple[QuantisedGraph, list[AccumulatorBound]]:
    """The model in integers, and the bounds of its layers.

    Where accumulators are too narrow it is for a machine with wider ones; CompileError where no
    machine's are wide enough.
    """
    graph = settled_graph(model, precision, clip)
    while True:
        quantised = quantise_graph(graph, precision, limits.config.accumulator_bits)
        widest = max(quantised.layers, key=bits_needed)
        needed = bits_needed(widest)
        if not limits.config.accumulator_bits < needed <= BIAS_BITS:
            bits = limits.config.accumulator_bits
            return quantised, [prove(layer, bits) for layer in quantised.layers]
        limits.grow("accumulator_bits", needed, widest.name)


def _encode(
    quantised: QuantisedGraph, limits: Limits, options: CompileOptions
) -> tuple[PlacedGraph, EncodedMatrices]:
    """All matrices dealt and encoded, and where their streams lie."""
    if options.chunk > 1:
        check_chunk(quantised.graph, limits.config, options.weights)
        placed, encoded = encode_chunked(quantised, limits, options.chunk)
    else:
        placed = place_all(quantised, limits)
        encoded = encode_placed(placed, limits.config)
    return placed, place_weights(encoded, limits.config, options.weights)


def _host(
    model: RnntModel,
    options: CompileOptions,
    precision: Precision,
    scheduled: Scheduled,
    encoded: EncodedMatrices,
) -> NetworkSection:
    """The host section; the image adds configuration and layer names."""
    reduction, parameters = model.time_reduction, model.parameters()
    return NetworkSection(
        entries={name: scheduled.labels[name] for name in Transducer.ENTRIES},
        addresses=scheduled.labels,
        non_zeros=tuple(stats.non_zeros for stats in encoded.stats),
        padding=tuple(stats.padding for stats in encoded.stats),
        chunk=options.chunk,
        features=model.feature_definition().section() if model.meta.features else None,
        licence=model.licence,
        tokens=tuple(model.tokens),
        blank=model.blank,
        max_symbols=model.max_symbols,
        input=InputFormat(count=model.inputs, fraction=model.input_fraction),
        model=ModelFacts(
            name=model.name,
            sha256=model.sha256,
            parameters=parameters,
            float32_bytes=_FLOAT32_BYTES * parameters,
            time_reduction=Stacking(**asdict(reduction)) if reduction.after else None,
        ),
        weight_bits=precision.bits,
        codebook=precision.codebook,
        layer_bits=dict(precision.layers),
        sparsity=options.sparsity,
        blank_penalty=options.blank_penalty,
        clip=Clip(options.clip).how,
        search=scheduled.search,
    )
