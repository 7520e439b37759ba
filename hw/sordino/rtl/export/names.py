"""Names that Verilog takes as they are, for everything that a circuit in RTLIL consists of.

Amaranth joins a module's path with dots and tells equal names apart by `$` and a number; other
names are words of the language. Verilog could say all of them only with a backslash before and a
space behind, and two circuits in one design would have modules of the same name.
"""

import re
from collections.abc import Iterable, Iterator

from sordino.errors import InputError

__all__ = ["KEYWORDS", "LONGEST_TOP", "check_top", "legal_names"]

_WORDS = """
accept_on alias always always_comb always_ff always_latch and assert assign assume automatic
before begin bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle
checker class clocking cmos config const constraint context continue cover covergroup coverpoint
cross deassign default defparam design disable dist do edge else end endcase endchecker endclass
endclocking endconfig endfunction endgenerate endgroup endinterface endmodule endpackage
endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event
eventually expect export extends extern final first_match for force foreach forever fork
forkjoin function generate genvar global highz0 highz1 if iff ifnone ignore_bins illegal_bins
implements implies import incdir include initial inout input inside instance int integer
interconnect interface intersect join join_any join_none large let liblist library local
localparam logic longint macromodule matches medium modport module nand negedge nettype new
nexttime nmos nor noshowcancelled not notif0 notif1 null or output package packed parameter
pmos posedge primitive priority program property protected pull0 pull1 pulldown pullup
pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real realtime
ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 s_always
s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled
signed small soft solve specify specparam static string strong strong0 strong1 struct super
supply0 supply1 sync_accept_on sync_reject_on table tagged task this throughout time
timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type typedef union
unique unique0 unsigned until until_with untyped use uwire var vectored virtual void wait
wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
"""
KEYWORDS = frozenset(_WORDS.split())
"""Words of Verilog 2005 and of SystemVerilog 2017, as which the file may be read as well."""
LONGEST_TOP = 128
"""Letters of a top module's name."""
_JOINT = "__"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]+')
_MEMORY = re.compile(r'\s*parameter \\MEMID "\\(\\[^"\s]+)"')
_OTHERS = ("attribute", "case", "connect", "parameter", "process", "switch", "assign", "end")
"""First words of lines that make no name."""


def check_top(name: str) -> None:
    """Raise InputError for a name that cannot be a top module's.

    Modules below it are named NAME__PATH. So NAME itself has no two underscores in a row and none
    at its end: then no two circuits of different NAME have a module's name in common.
    """
    wanted = "wanted a module's name of letters, digits and single underscores, a letter first"
    if name in KEYWORDS:
        raise InputError(f"{wanted}, got the word {name!r} of (System)Verilog; choose another")
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", name)
    if not plain or len(name) > LONGEST_TOP:
        shown = name if len(name) <= LONGEST_TOP else f"{name[:20]}… of {len(name)} letters"
        raise InputError(f"{wanted}, at most {LONGEST_TOP}, got {shown!r}; choose another")


def legal_names(text: str) -> str:
    """The same circuit as RTLIL, with all public names legal in Verilog and no word of it.

    A name that is legal already stays. Raises InputError for RTLIL that is not of Amaranth's kind.
    """
    modules = _declared(text)
    tops = [name for name in modules if "." not in name]
    if len(tops) != 1:
        raise InputError(f"wanted RTLIL with one top module, got {len(tops)}; write it anew")
    renamed = _unique(modules)
    inner = {module: _unique(names) for module, names in modules.items()}
    try:
        return "".join(_rewritten(text, renamed, inner))
    except KeyError as error:
        raise InputError(
            f"wanted RTLIL that declares every name, got {error}; declare it in the circuit"
        ) from None


def _declared(text: str) -> dict[str, list[str]]:
    """Public names by module, in the order of their declaration."""
    modules: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        words = _TOKEN.findall(line)
        if not words:
            continue
        if words[0] == "module":
            current = modules[words[1].removeprefix("\\")] = []
        elif words[0] in ("wire", "memory", "cell"):
            if words[-1].startswith("\\"):
                current.append(words[-1].removeprefix("\\"))
        elif words[0] not in _OTHERS:
            raise InputError(f"wanted RTLIL as Amaranth writes it, got {line.strip()!r}")
    return modules


def _unique(names: Iterable[str]) -> dict[str, str]:
    """A legal name for each, those that are legal first of all by their own."""
    names = list(names)
    taken = {name for name in names if _is_legal(name)}
    result = {}
    for name in names:
        new = name
        if not _is_legal(name):
            plain = re.sub(r"\W", "_", name.replace(".", _JOINT), flags=re.ASCII)
            plain = plain if re.match(r"[A-Za-z_]", plain) else f"_{plain}"
            plain = f"{plain}_" if plain in KEYWORDS else plain
            tries = (f"{plain}_{number}" if number > 1 else plain for number in range(1, 1 << 30))
            new = next(each for each in tries if each not in taken)
            taken.add(new)
        result[name] = new
    return result


def _is_legal(name: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)) and name not in KEYWORDS


def _renamed(text: str, names: dict[str, str]) -> str:
    """The text with every public name replaced, attributes' strings left as they are."""

    def one(match: re.Match[str]) -> str:
        word = match.group()
        return f"\\{names[word[1:]]}" if word.startswith("\\") else word

    return _TOKEN.sub(one, text)


def _rewritten(
    text: str, modules: dict[str, str], inner: dict[str, dict[str, str]]
) -> Iterator[str]:
    names: dict[str, str] = {}
    ports: dict[str, str] | None = None  # of the module whose instance is being read
    inside = False  # an instance or one of Yosys' own cells, whose ports keep their names
    for line in text.splitlines(keepends=True):
        first, _, rest = line.strip().partition(" ")
        indent = line[: len(line) - len(line.lstrip())]
        if first == "module":
            names = inner[rest.removeprefix("\\")]
            line = _renamed(line, modules)
        elif first == "cell":
            kind, _, name = rest.partition(" ")
            inside, ports = True, inner[kind[1:]] if kind.startswith("\\") else None
            line = f"{indent}cell {_renamed(kind, modules)} {_renamed(name, names)}\n"
        elif first == "connect" and inside:
            port, _, signal = rest.partition(" ")
            port = port if ports is None else _renamed(port, ports)
            line = f"{indent}connect {port} {_renamed(signal, names)}\n"
        elif memory := _MEMORY.fullmatch(line.rstrip("\n")):
            line = f'{indent}parameter \\MEMID "\\{_renamed(memory.group(1), names)}"\n'
        elif first not in ("attribute", "parameter"):
            line = _renamed(line, names)
            inside = inside and first != "end"
        yield line
