"""Sizes of one case in every code."""

import pytest

from campaigns.codec import STATE_BITS, measure
from sordino.tools.bench.cases import laplacian_case


@pytest.mark.parametrize("group", [1, 4])
def test_more_states_take_fewer_bits(group: int) -> None:
    case = laplacian_case(5, 0.5, group, (512, 512))
    sizes = measure(case, 16)
    found = [sizes.tans[bits] for bits in STATE_BITS]
    assert None not in found
    assert found[1] < found[2] < found[3] < 1.03 * sizes.reference
    assert sizes.reference < found[1] < sizes.tans[6]
    assert 0.9 < sizes.prefix / found[1] < 1.1
    assert sum(sizes.shares) == pytest.approx(sizes.tans[8])
    assert sizes.over(sizes.prefix) == sizes.prefix / sizes.reference
    assert sizes.over(None) is None
