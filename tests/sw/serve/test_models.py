"""Which language model a service ranks with."""

import pytest

from sordino.errors import InputError
from sordino.lattice.graph import END, Arc, Lattice, State
from sordino.rerank.reranker import shipped_reranker
from sordino.serve.ranking import make_reranker
from tests.sw.rerank.test_model_file import TEXT, folder  # noqa: F401

LATTICE = Lattice(
    (State((Arc("K", 1, 0), Arc("A", 1, 1))), State((Arc("A", 2, 0), Arc("B", 2, 1))),
     State((Arc(None, END, 0),))),
    0.25,
)  # fmt: skip


def test_an_ngram_or_several_models_or_the_one_that_ships(folder) -> None:  # noqa: F811
    (folder / "models.toml").write_text(TEXT)
    several = make_reranker((folder / "models.toml",)).rerank(LATTICE)
    ngram = make_reranker((folder / "words.arpa",)).rerank(LATTICE)
    assert several[0].text == "A B"
    assert several[0].language < ngram[0].language, "the grammar says it, too"
    assert make_reranker(()) is shipped_reranker()
    with pytest.raises(InputError, match="wanted one TOML file of models, or n-grams alone, got 2"):
        make_reranker((folder / "words.arpa", folder / "models.toml"))
