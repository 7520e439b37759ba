"""Precision: which bits a matrix gets, what is refused, the entries in a model's meta."""

import pytest

from sordino.compiler.limits.errors import CompileError
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.rounded import quantise_model
from sordino.errors import InputError
from sordino.meta.table import QuantiseMeta
from sordino.model.random_rnnt import random_model


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"bits": 9}, r"quantise\.bits as a whole number from 2 to 8, got 9"),
        ({"bits": True}, r"quantise\.bits as a whole number from 2 to 8, got True"),
        ({"layers": {"joint.*": "many"}}, r"a whole number from 2 to 8 each, got .*'many'"),
        ({"layers": 3}, "layers as an object of names"),
        ({"codebook": "random"}, "codebook as uniform or lloyd-max, got 'random'"),
        ({"levels": 9}, "'levels'; known are bits, codebook, layers"),
        (5, "quantise as an object"),
    ],
)
def test_refused_in_one_line(meta: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Precision.of(QuantiseMeta.read(meta, at="quantise."))
    assert "\n" not in str(caught.value)


def test_dictionary_round_trip() -> None:
    precision = Precision(4, "lloyd-max", (("b*", 3), ("a", 2)))
    assert Precision.of(precision.to_meta()) == precision
    assert Precision.of(QuantiseMeta()) == Precision()


def test_bits_are_checked() -> None:
    with pytest.raises(CompileError, match="weight bits to be 2 to 8, got 9"):
        quantise_model(random_model(0), 9, 32)


def test_the_first_pattern_that_fits_holds() -> None:
    precision = Precision(3, layers=(("joint.output.*", 6), ("joint.*", 5), ("*.weight_hh", 2)))
    names = ("joint.output.weight", "joint.encoder.weight", "encoder.0.weight_hh", "encoder.0.x")
    assert [precision.bits_of(name) for name in names] == [6, 5, 2, 3]
    precision.check(names)
    with pytest.raises(CompileError, match=r"layer 'joint\.output\.\*' must fit a matrix: one of"):
        precision.check(names[1:])


def test_only_known_codebooks() -> None:
    with pytest.raises(CompileError, match="wanted codebook to be uniform or"):
        Precision(4, "even")
