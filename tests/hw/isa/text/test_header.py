"""The C header compiles without a warning, and C that uses it writes the words of Python."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sordino.isa import registers
from sordino.isa.choices import Condition, Function, Space
from sordino.isa.fields import COUNT, NUMBER, Field, Store
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.instruction_set import InstructionSet
from sordino.isa.operations import ISA
from sordino.isa.text.header import c_header

C = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
CPP = next((found for name in ("c++", "g++", "clang++") if (found := shutil.which(name))), None)
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")
LANGUAGES = [("c", C, "-std=c11"), ("cpp", CPP, "-std=c++17")]


def run(folder: Path, language: str, isa: InstructionSet, body: str) -> list[str]:
    """Lines that a program with this body prints."""
    compiler, standard = next(found[1:] for found in LANGUAGES if found[0] == language)
    if compiler is None:
        pytest.skip(f"no compiler for {language} on PATH")
    (folder / "sordino.h").write_text(c_header(isa))
    source = folder / f"program.{language}"
    source.write_text(
        '#include <stdio.h>\n#include "sordino.h"\n#include "sordino.h"\n'
        '#define PRINT(x) printf("%lld\\n", (long long)(x))\n'
        f"int main(void)\n{{\n{body}    return 0;\n}}\n"
    )
    program = folder / "program"
    done = subprocess.run(
        [compiler, standard, *STRICT, "-o", str(program), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = subprocess.run([str(program)], capture_output=True, text=True, check=True)
    return printed.stdout.split()


def values(field: Field, rng: np.random.Generator) -> Iterator[int]:
    """The lowest and the highest value of a field, and one at random."""
    if field.choices is not None:
        members = sorted(member.value for member in field.choices)
        yield from (members[0], members[-1], int(rng.choice(members)))
    else:
        low, high = field.range
        yield from (low, high, int(rng.integers(low, high + 1)))


def examples(isa: InstructionSet) -> Iterator[Instruction]:
    rng = np.random.default_rng(12)
    for operation in isa:
        drawn = {name: tuple(values(field, rng)) for name, field in operation.FIELDS.items()}
        for k, overlaps in enumerate((0, 7, int(rng.integers(8)))):
            yield operation(overlaps=overlaps, **{name: found[k] for name, found in drawn.items()})


def encoding(i: Instruction) -> str:
    """C that writes an instruction, prints its words and reads its fields back."""
    prefix = f"SORDINO_FIELD_{i.mnemonic}_"
    fields = {f"{prefix}{name.upper()}": value for name, value in i.fields.items()}
    fields["SORDINO_FIELD_OVERLAPS"] = i.overlaps.value
    lines = ["uint32_t word[SORDINO_WORDS] = {0, 0, 0, 0};"]
    lines += [f"if (!sordino_set(word, SORDINO_FIELD_OPCODE, SORDINO_OP_{i.mnemonic})) return 1;"]
    lines += [f"if (!sordino_set(word, {n}, {value})) return 1;" for n, value in fields.items()]
    lines += [f"PRINT(word[{k}]);" for k in range(4)]
    lines += [f"PRINT(sordino_get(word, {name}));" for name in fields]
    return "    {\n" + "".join(f"        {line}\n" for line in lines) + "    }\n"


def expected(i: Instruction) -> list[str]:
    word = i.encode()
    words = [word >> 32 * k & 0xFFFFFFFF for k in range(4)]
    return [str(n) for n in (*words, *i.fields.values(), i.overlaps.value)]


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_instructions_in_c_are_the_words_of_python(language: str, tmp_path: Path) -> None:
    found = list(examples(ISA))
    assert {type(i) for i in found} == set(ISA)
    printed = run(tmp_path, language, ISA, "".join(map(encoding, found)))
    assert printed == [text for i in found for text in expected(i)]


def numbers() -> dict[str, int]:
    """The contracts, by the names that the header should give them."""
    found = {
        "ISA_VERSION": registers.ISA_VERSION,
        "MAP_VERSION": registers.MAP_VERSION,
        "STATUS_CODE_BIT": registers.STATUS_CODE,
        "STATUS_ERROR_BIT": registers.STATUS_ERROR,
        "COUNTER_BITS": registers.COUNTER_BITS,
        "NO_TOKEN": registers.NO_TOKEN,
        "STORES": len(Store),
        **{f"OP_{o.mnemonic}": o.number for o in ISA},
        **{f"REGISTER_{r.name}": r.offset for r in registers.REGISTER_MAP},
        **{f"COUNTER_{c.name.upper()}": n for n, c in enumerate(registers.COUNTERS)},
        **{f"CAPACITY_{name.upper()}": n for n, name in enumerate(registers.CAPACITIES)},
    }
    lists: dict[str, Any] = {
        "STORE": Store,
        "UNIT": Unit,
        "SPACE": Space,
        "FUNCTION": Function,
        "CONDITION": Condition,
        "CONTROL": registers.Control,
        "STATUS": registers.Status,
        "INTERRUPT": registers.Interrupt,
        "ERROR": registers.Error,
        "LOAD_TARGET": registers.LoadTarget,
    }
    for prefix, kind in lists.items():
        found |= {f"{prefix}_{member.name}": member.value for member in kind}
    return found


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_every_number_of_the_contracts_is_there(language: str, tmp_path: Path) -> None:
    body = "".join(f"    PRINT(SORDINO_{name});\n" for name in numbers())
    assert run(tmp_path, language, ISA, body) == [str(value) for value in numbers().values()]


def test_set_refuses_what_does_not_fit(tmp_path: Path) -> None:
    too_much = [
        (f"SORDINO_FIELD_{o.mnemonic}_{name.upper()}", value)
        for o in ISA
        for name, field in o.FIELDS.items()
        for value in (field.range[0] - 1, field.range[1] + 1)
    ]
    body = "    uint32_t word[SORDINO_WORDS] = {1, 2, 3, 4};\n"
    body += "".join(
        f"    if (sordino_set(word, {n}, {value})) return 1;\n" for n, value in too_much
    )
    body += "".join(f"    PRINT(word[{k}]);\n" for k in range(4))
    assert run(tmp_path, "c", ISA, body) == ["1", "2", "3", "4"]


class Wide(Instruction, opcode=30):
    pad: 3 = NUMBER
    wide: 63 = NUMBER
    count: 5 = COUNT


class Comments(Instruction, opcode=31):
    """Its text has /* and */ and ??/ in it, and \\"""

    condition: Condition
    store: Store


def test_other_sets_have_a_header_too(tmp_path: Path) -> None:
    isa = ISA.extended(Wide, Comments)
    found = [Wide(wide=(1 << 63) - 1), Wide(pad=7, wide=5 << 40, count=31), Comments(store=8)]
    printed = run(tmp_path, "c", isa, "".join(map(encoding, found)))
    assert printed == [text for i in found for text in expected(i)]


def test_names_that_c_cannot_tell_apart_are_refused() -> None:
    class Two(Instruction, opcode=30):
        a: 1 = NUMBER
        A: 1 = NUMBER

    class Überlauf(Instruction, opcode=30):
        a: 1 = NUMBER

    class Long(Instruction, opcode=30):
        a: 64 = NUMBER

    with pytest.raises(ValueError, match=r"got FIELD_TWO_A twice$"):
        c_header(ISA.extended(Two))
    with pytest.raises(ValueError, match=r"wanted letters, digits and _ .* got OP_ÜBERLAUF$"):
        c_header(ISA.extended(Überlauf))
    with pytest.raises(ValueError, match=r"LONG: wanted fields of at most 63 bits"):
        c_header(ISA.extended(Long))
