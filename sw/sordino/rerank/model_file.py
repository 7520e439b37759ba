"""A language model of several, as one file says: which they are, and how much each counts.

TOML: `memory`, as `Mixture` has it, and a table for each model, [ngram], [grammar] and [neural],
each with its `file`, which is looked for beside this one, and its `weight`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from sordino.decode.arpa import load_arpa
from sordino.decode.ngram import NgramModel
from sordino.errors import InputError
from sordino.files import parse_toml, read_text
from sordino.lattice.scored import WordModel
from sordino.rerank.grammar.classes import load_grammar
from sordino.rerank.grammar.words import GrammarWords
from sordino.rerank.mixture import Mixture
from sordino.rerank.neural import Recurrent, load_neural
from sordino.rerank.ngram_words import NgramWords
from sordino.schema.kinds import shown

__all__ = ["Models", "load_models"]

_KINDS = ("ngram", "grammar", "neural")
"""The tables that there may be, in the order in which the models are mixed."""


def _orders(model: NgramModel) -> tuple[WordModel, ...]:
    """An n-gram, and the same with less context, down to none."""
    orders = dict.fromkeys([model.order, min(model.order, 2), 1])
    return tuple(NgramWords(replace(model, order=order)) for order in orders)


@dataclass(frozen=True, kw_only=True)
class Models:
    """What a file of language models says.

    models   by kind: ngram, grammar, neural; those that it has, in this order
    weights  of each, in the same order
    memory   as `Mixture` has it
    simpler  the models by which paths are chosen: its n-gram, the same with less context, or none
    """

    models: Mapping[str, WordModel]
    weights: Mapping[str, float]
    memory: float
    simpler: tuple[WordModel, ...]

    def mixture(self, kinds: Sequence[str] | None = None) -> Mixture:
        """The mixture of all, or of some kinds with the same proportions."""
        kinds = tuple(self.models) if kinds is None else kinds
        return Mixture(
            [self.models[kind] for kind in kinds],
            [self.weights[kind] for kind in kinds],
            self.memory,
        )


def load_models(path: str | Path) -> Models:
    """Read a file of language models, and all that it names.

    Raises InputError, in one line, for a file that cannot be read, is no such TOML or has an
    unknown key, for weights that are none, and where no model says any word; and as the readers of
    the models' files do.
    """
    text = read_text(path, "language models")
    data = parse_toml(text, "models", path)
    try:
        files, weights, memory = _checked(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    folder, models = Path(path).parent, dict[str, WordModel]()
    simpler = _orders(load_arpa(folder / files["ngram"])) if "ngram" in files else ()
    if simpler:
        models["ngram"] = simpler[0]
    if "grammar" in files:
        models["grammar"] = GrammarWords(load_grammar(folder / files["grammar"]))
    if "neural" in files:
        models["neural"] = Recurrent(load_neural(folder / files["neural"]))
    return Models(models=models, weights=weights, memory=memory, simpler=simpler)


def _fail(wanted: str, got: str) -> NoReturn:
    raise InputError(f"wanted {wanted} in the file of language models, got {got}; correct it")


def _checked(data: dict[str, Any]) -> tuple[dict[str, str], dict[str, float], float]:
    """The file and the weight of each model, and the memory."""
    for key in data:
        if key != "memory" and key not in _KINDS:
            _fail("memory, [ngram], [grammar] and [neural]", shown(key))
    files, weights = dict[str, str](), dict[str, float]()
    for kind in _KINDS:
        if kind not in data:
            continue
        table = data[kind]
        if not isinstance(table, dict) or table.keys() != {"file", "weight"}:
            _fail(f"file and weight in [{kind}]", shown(table))
        file, weight = table["file"], table["weight"]
        if not isinstance(file, str) or not file or not file.isprintable():
            _fail(f"the name of a file in [{kind}]", shown(file))
        files[kind] = file
        weights[kind] = _number(weight, f"a weight from 0 to 1 in [{kind}]")
        if weights[kind] == 0:
            _fail(f"a weight above 0 in [{kind}]", "0")
    if not files.keys() & {"ngram", "neural"}:
        _fail("[ngram] or [neural], which say any word,", "neither")
    return files, weights, _number(data.get("memory", 0.0), "a memory from 0 to 1")


def _number(value: Any, wanted: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1 or math.isnan(value):
        _fail(wanted, shown(value))
    return float(value)
