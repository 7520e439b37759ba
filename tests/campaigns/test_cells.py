"""Cells by block: what Yosys counts by module becomes a table of blocks."""

from campaigns.cells import Cells, blocks, cell_rows

MODULES = {
    "\\top": {"num_cells_by_type": {"top__host": 1, "top__machine": 1}},
    "\\top__host": {"num_cells_by_type": {"LUT4": 70, "TRELLIS_FF": 9}},
    "\\top__machine": {"num_cells_by_type": {"LUT4": 10, "DP16KD": 2, "top__machine__unit": 1}},
    "\\top__machine__unit": {
        "num_cells_by_type": {"CCU2C": 40, "TRELLIS_DPR16X4": 1, "MULT18X18D": 3}
    },
}


def test_a_block_is_counted_with_what_is_in_it() -> None:
    assert blocks(MODULES) == {
        "": Cells(luts=164, flip_flops=9, block_rams=2, multipliers=3),
        "host": Cells(luts=70, flip_flops=9),
        "machine": Cells(luts=94, block_rams=2, multipliers=3),
        "machine.unit": Cells(luts=84, multipliers=3),
    }


def test_a_module_without_cells_is_nothing() -> None:
    assert blocks({"\\top": {}}) == {"": Cells()}


def test_rows_stand_side_by_side_and_small_blocks_have_none() -> None:
    first = {"": Cells(luts=1200), "a": Cells(luts=60), "b": Cells(luts=59), "a.c": Cells(luts=99)}
    second = {"": Cells(luts=61, flip_flops=3), "b": Cells(luts=59)}
    assert cell_rows({"first": first, "second": second}) == [
        ("whole machine", "1,200", "0", "0", "0", "61", "3", "0", "0"),
        ("`a`", "60", "0", "0", "0", "", "", "", ""),
        ("`a.c`", "99", "0", "0", "0", "", "", "", ""),
    ]
