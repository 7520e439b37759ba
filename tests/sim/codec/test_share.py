"""Which matrices share a table: never where one of their own would be cheaper."""

import itertools
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import PRESETS
from sordino.codec import encode_matrices
from sordino.codec.share import choose_tables, join
from sordino.compiler.limits.allocate import need_streams
from sordino.compiler.limits.errors import DoesNotFit
from sordino.compiler.limits.limits import Limits


def counts(*shares: float, total: int = 10_000) -> NDArray[np.int64]:
    return np.array([round(share * total) for share in shares], np.int64)


SKEWED, OTHER = counts(0.9, 0.1, 0), counts(0.1, 0.9, 0)


def test_equal_ones_share_and_different_ones_do_not() -> None:
    assert join([SKEWED, OTHER, SKEWED, OTHER], 9) == [0, 1, 0, 1]
    assert join([OTHER, SKEWED, SKEWED], 9) == [0, 1, 1]
    assert join([SKEWED], 9) == [0]


def test_small_ones_are_not_worth_a_table() -> None:
    few = counts(0.1, 0.9, 0, total=20)
    assert join([SKEWED, few], 9) == [0, 0]
    assert join([SKEWED, counts(0, 0, 0)], 9) == [0, 0]


def test_no_more_than_there_is_room_for() -> None:
    kinds = [counts(*order) for order in itertools.permutations((0.7, 0.25, 0.05))]
    for most in range(1, 8):
        chosen = join(kinds, most)
        assert len(set(chosen)) == min(most, 6)
        assert list(dict.fromkeys(chosen)) == list(range(len(set(chosen))))


@pytest.mark.parametrize("seed", range(10))
def test_joining_two_sets_never_pays(seed: int) -> None:
    """What is left apart is cheaper apart: entropy and 11 bits a symbol, 64 a table."""
    rng = np.random.default_rng(seed)
    kinds = [rng.multinomial(1 << rng.integers(4, 12), rng.dirichlet([0.5] * 6)) for _ in range(9)]
    chosen = join(kinds, 9)

    def cost(members: list[int]) -> float:
        total = sum(kinds[k] for k in members)
        present = total[total > 0]
        return 64 + 11 * len(present) - (present * np.log2(present / present.sum())).sum()

    sets = [[k for k in range(9) if chosen[k] == number] for number in set(chosen)]
    for a, b in itertools.combinations(sets, 2):
        assert cost(a + b) > cost(a) + cost(b) - 0.01


def slots(zeros: float, limit: int, seed: int = 0) -> NDArray[np.int8]:
    rng = np.random.default_rng(seed)
    made = rng.integers(1, limit + 1, (40, 16, 60)) * (rng.random((40, 16, 60)) >= zeros)
    return made.astype(np.int8)


def test_each_matrix_has_the_tables_that_suit_it() -> None:
    config = PRESETS["small-unstructured"]
    dense, sparse, wide = slots(0.1, 3), slots(0.9, 3), slots(0.1, 100)
    encoded = encode_matrices([dense, sparse, wide, dense], config)
    assert encoded.run_tables == (0, 2, 0, 0)
    assert encoded.value_tables == (1, 1, 3, 1)
    alone = [encode_matrices([matrix], config).stats[0] for matrix in (dense, sparse, wide)]
    for shared, own in zip(encoded.stats, alone, strict=False):
        assert shared.position_bits < 1.002 * own.position_bits
        assert shared.value_bits < 1.002 * own.value_bits
    assert [stats.table_bits > 0 for stats in encoded.stats] == [True, False, True, False]


def test_run_tables_take_the_room_that_value_tables_leave() -> None:
    config = PRESETS["small-unstructured"].with_settings({"tables": 4})
    kinds = [slots(zeros, limit) for zeros, limit in ((0.0, 3), (0.5, 100), (0.8, 3), (0.97, 100))]
    assert len(set(encode_matrices(kinds, config).run_tables)) == 2
    more = config.with_settings({"tables": 6})
    assert len(set(encode_matrices(kinds, more).run_tables)) == 4


def test_more_tables_than_the_machine_holds_are_refused() -> None:
    config = PRESETS["small-unstructured"].with_settings({"tables": 2})
    encoded = encode_matrices([slots(0.5, 3), slots(0.5, 100)], config)
    limits = Limits(config)
    need_streams(encoded, limits)
    with pytest.raises(DoesNotFit, match=r"needs 3 tables, .* has 2; .* raise tables to 3"):
        limits.check()


def test_a_tied_matrix_has_the_tables_of_another_and_changes_no_choice() -> None:
    config = PRESETS["tiny"]
    rng = np.random.default_rng(1)
    kinds = [
        np.where(rng.random((8, 4, 40)) < 0.5, 0, rng.integers(1, top, (8, 4, 40))).astype(np.int8)
        for top in (2, 40, 100)
    ]
    alone = encode_matrices(kinds[:2], config)
    tied = encode_matrices(kinds, config, choice=partial(choose_tables, tied={2: 0}))
    for found, before in (
        (tied.run_tables, alone.run_tables),
        (tied.value_tables, alone.value_tables),
    ):
        assert found[:2] == before
        assert found[2] == found[0]
    assert len(set(tied.value_tables)) == 2
    assert tied.value_tables[0] != tied.value_tables[1]
    free = encode_matrices(kinds, config)
    assert free.value_tables[2] != free.value_tables[0], "left alone it would choose otherwise"
