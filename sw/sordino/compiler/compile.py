"""The compiler, model to image: what saturates is settled, weights are pruned, a graph is built."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial

from sordino.arch import PRESETS, Config
from sordino.codec import EncodedMatrices
from sordino.compiler.build import build
from sordino.compiler.compiled import Compiled
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.numbers.clip import Clip
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.options import CompileOptions
from sordino.compiler.passes.canonical import canonical_model
from sordino.compiler.passes.clip import clip_model, finite_model
from sordino.compiler.passes.prune import prune_model
from sordino.compiler.passes.rounded import settled_graph
from sordino.compiler.program.facts import with_texts
from sordino.compiler.program.schedule import Program, Scheduled
from sordino.compiler.programs.ends import EndPoint
from sordino.compiler.programs.transducer import NAME, Transducer
from sordino.errors import InputError
from sordino.graph.graph import Graph
from sordino.image.host import HostSection, InputFormat, ModelFacts, NetworkSection, Stacking
from sordino.image.section.networks import ImageNetwork
from sordino.model.endpointer import NETWORK, Endpointer
from sordino.model.rnnt import EMBEDDING, RnntModel

__all__ = ["CompileOptions", "Compiled", "compile_graph", "compile_model"]

_FLOAT32_BYTES = 4


def compile_model(
    model: RnntModel,
    config: Config,
    options: CompileOptions | None = None,
    endpointer: Endpointer | None = None,
) -> Compiled:
    """Compile for one machine, with an end-pointer beside the model if one is given.

    The end-pointer's weights stay as they are: they are neither pruned nor clipped. The result
    depends on nothing but the arguments. Raises DoesNotFit where the machine is too
    small, CompileError where no machine runs the model, InputError where its meta describes
    features that do not fit it.
    """
    _check_kinds(model, config)
    options = options or CompileOptions()
    if options.max_symbols is not None:
        model = model.with_max_symbols(options.max_symbols)
    if options.blank_penalty:
        model = model.with_blank_penalty(options.blank_penalty)
    precision, clip = options.precision(Precision.of(model.meta.quantise)), Clip(options.clip)
    pruned = model
    if options.sparsity is not None:
        # A number that saturates would be most of what a matrix holds.
        sound = canonical_model(model)
        pruned = prune_model(sound, options.sparsity, config.group, options.shares)
    program = Transducer(model.blank, model.max_symbols)
    graph = settled_graph(pruned, precision, clip)
    if endpointer is not None:
        graph, program = endpointer.beside(model, graph), replace(program, ends=_ends(endpointer))
        own = ((f"{NETWORK}.*", endpointer.meta.bits), *precision.layers)
        precision = replace(precision, layers=own)
    host = partial(_host, model, program, options, precision)
    built = build(graph, program, config, options, precision, host)
    ratio = built.quantised.snr_db[f"{EMBEDDING}.weight"]
    return Compiled(built.image, built.layers, built.encoded, ratio)


def compile_graph(
    graph: Graph,
    program: Program,
    config: Config,
    options: CompileOptions | None = None,
    *,
    texts: Mapping[str, Sequence[str]] | None = None,
) -> Compiled:
    """Compile a graph of layers of your own and a program over it, as `compile_model`.

    `texts` are those of each network's tokens, by the network's name in the image. Raises
    CompileError for texts that are no network's, for options that only a transducer has
    (`max_symbols`, `blank_penalty`), and for a chunk of frames with any other program.
    """
    options = options or CompileOptions()
    if options.max_symbols is not None or options.blank_penalty:
        raise CompileError(
            "wanted options of any graph, got max_symbols or blank_penalty, which only a "
            "transducer has; leave them out"
        )
    if options.chunk > 1 and not isinstance(program, Transducer):
        raise CompileError(
            f"wanted a program that works in chunks of frames, got {type(program).__name__}, which "
            "takes one after the other; leave chunk out"
        )
    precision = options.precision(Precision())
    graph = clip_model(finite_model(graph), Clip(options.clip), precision)
    if options.sparsity is not None:
        graph = prune_model(graph, options.sparsity, config.group, options.shares, graph.part)

    def host(scheduled: Scheduled, encoded: EncodedMatrices) -> HostSection:
        return HostSection(
            entries={name: scheduled.labels[name] for name in program.entries},
            addresses=scheduled.labels,
            non_zeros=tuple(stats.non_zeros for stats in encoded.stats),
            padding=tuple(stats.padding for stats in encoded.stats),
            chunk=options.chunk,
            networks=with_texts(scheduled.networks, texts or {}),
        )

    built = build(graph, program, config, options, precision, host)
    return Compiled(built.image, built.layers, built.encoded, None)


def _ends(endpointer: Endpointer) -> EndPoint:
    """What the program does with an end-pointer."""
    meta = endpointer.meta
    return EndPoint(
        NETWORK,
        len(endpointer.run),
        meta.speculative.level(),
        meta.final.level(),
        context=meta.context,
    )


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


def _host(
    model: RnntModel,
    program: Transducer,
    options: CompileOptions,
    precision: Precision,
    scheduled: Scheduled,
    encoded: EncodedMatrices,
) -> NetworkSection:
    """The host section; the image adds configuration and layer names."""
    reduction, parameters = model.time_reduction, model.parameters()
    return NetworkSection(
        entries={name: scheduled.labels[name] for name in program.entries},
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
        search=scheduled.networks[NAME].search,
        networks=_several(scheduled) if program.ends is not None else {},
    )


def _several(scheduled: Scheduled) -> Mapping[str, ImageNetwork]:
    """The networks by name; what a search needs is said once, in the section itself."""
    own = scheduled.networks[NAME].changed(search=None)
    return {**scheduled.networks, NAME: own}
