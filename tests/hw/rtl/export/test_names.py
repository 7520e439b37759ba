"""Names in generated Verilog: legal as they are, different where they were, apart by the top's."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sordino.errors import InputError
from sordino.rtl.export.names import KEYWORDS, LONGEST_TOP, _unique, check_top, legal_names

LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PIECES = ["a", "b", "_", "__", "$1", "$22", ".", "[0]", "begin", "logic", "2", "é"]
NAMES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
RTLIL = r"""
attribute \generator "Amaranth \\weird"
module \top.inner$3
  attribute \enum_value_0 "\\weird"
  wire width 8 input 0 \weird$1
  wire width 8 output 1  \begin
  memory width 8 size 4 \words$2
  cell $memrd_v2 $1
    parameter \MEMID "\\words$2"
    parameter \WIDTH 8
    connect \ADDR { \weird$1 [1] \weird$1 [0] }
    connect \DATA \begin
  end
end
module \top
  wire width 8 input 0 \x
  wire width 8 output 1 \weird
  wire width 8 \weird$1
  process $2
    assign \weird [7:0] \weird$1
    switch \x [1:0]
      case 2'01
        assign \weird [0] 1'0
    end
  end
  cell \top.inner$3 \inner$3
    connect \weird$1 \x
    connect \begin \weird$1
  end
  connect \weird \weird$1
end
"""
RENAMED = r"""
attribute \generator "Amaranth \\weird"
module \top__inner_3
  attribute \enum_value_0 "\\weird"
  wire width 8 input 0 \weird_1
  wire width 8 output 1  \begin_
  memory width 8 size 4 \words_2
  cell $memrd_v2 $1
    parameter \MEMID "\\words_2"
    parameter \WIDTH 8
    connect \ADDR { \weird_1 [1] \weird_1 [0] }
    connect \DATA \begin_
  end
end
module \top
  wire width 8 input 0 \x
  wire width 8 output 1 \weird
  wire width 8 \weird_1
  process $2
    assign \weird [7:0] \weird_1
    switch \x [1:0]
      case 2'01
        assign \weird [0] 1'0
    end
  end
  cell \top__inner_3 \inner_3
    connect \weird_1 \x
    connect \begin_ \weird_1
  end
  connect \weird \weird_1
end
"""


def test_everything_that_has_a_name_is_renamed_and_nothing_else():
    assert legal_names(RTLIL) == RENAMED
    assert legal_names(RENAMED.replace("top__inner_3", "top.inner_3")) == RENAMED


@given(st.lists(NAMES, unique=True))
def test_names_are_legal_and_stay_different(names):
    new = _unique(names)
    assert list(new) == names
    assert len(set(new.values())) == len(names)
    for old, name in new.items():
        assert LEGAL.fullmatch(name)
        assert name not in KEYWORDS
        assert name == old or not LEGAL.fullmatch(old) or old in KEYWORDS


def test_modules_whose_paths_read_the_same():
    text = "".join(f"module \\{name}\nend\n" for name in ("top", "top.a.b", "top.a__b"))
    found = re.findall(r"module \\(\S+)", legal_names(text))
    assert found == ["top", "top__a__b", "top__a__b_2"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("process $2", "prozess $2", "^wanted RTLIL as Amaranth writes it, got 'prozess"),
        (r"cell \top.inner$3", r"cell \other", "^wanted RTLIL that declares every name, got"),
        (r"connect \weird$1 \x", r"connect \nothing \x", "^wanted RTLIL that declares every name"),
        (r"connect \weird \weird$1", r"connect \weird \z", "^wanted RTLIL that declares every"),
        ("module \\top\n", "module \\a.b\n", "^wanted RTLIL with one top module, got 0"),
    ],
)
def test_what_is_not_understood_is_refused(old, new, message):
    assert old in RTLIL
    with pytest.raises(InputError, match=message):
        legal_names(RTLIL.replace(old, new))


TOPS = st.from_regex(r"[A-Za-z_0-9$.]{0,6}", fullmatch=True)
PATHS = st.lists(NAMES.filter(lambda name: "." not in name), max_size=3)


def accepted(name: str) -> bool:
    try:
        check_top(name)
    except InputError:
        return False
    return True


@given(TOPS.filter(accepted), PATHS, TOPS.filter(accepted), PATHS)
def test_circuits_of_different_tops_have_no_module_in_common(left, at, right, there):
    """Whatever their modules are called below the top."""

    def names(top, path):
        modules = [".".join((top, *path[:n])) for n in range(len(path) + 1)]
        text = legal_names("".join(f"module \\{name}\nend\n" for name in modules))
        return set(re.findall(r"module \\(\S+)", text))

    assert left == right or not names(left, at) & names(right, there)


@pytest.mark.parametrize("name", ["sordino", "npu", "NPU2", "a", "a_b_3", "x" * LONGEST_TOP])
def test_tops(name):
    check_top(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "3a",
        "_a",
        "a_",
        "a__b",
        "a-b",
        "a.b",
        "a b",
        "a$b",
        "ü",
        "a\n",
        "\\a",
        "x" * 129,
        "end",
        "reg",
        "logic",
        "always_comb",
        "program",
        "endmodule",
        "uwire",
        "checker",
    ],
)
def test_tops_that_no_verilog_takes(name):
    with pytest.raises(InputError, match=r"^wanted a module's name .*, got .*; choose another$"):
        check_top(name)
