"""The mutants fit the source as it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from campaigns.mutants import MUTANTS, Mutant, mutated

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name.split(":")[0])
def test_a_mutant_applies_in_one_place(mutant: Mutant) -> None:
    before = (ROOT / mutant.path).read_text()
    after = mutated(before, mutant)
    assert after != before
    assert all((ROOT / test).exists() for test in mutant.tests)
    compile(after, mutant.path, "exec")


def test_a_mutant_of_what_is_not_there() -> None:
    mutant = replace(MUTANTS[0], old="no such text")
    with pytest.raises(ValueError, match=r"0 times, wanted once; bring the mutant up to date$"):
        mutated("x = 1", mutant)
