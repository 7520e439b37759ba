"""The pages, and the C header, by file name: text made from the contracts alone."""

import json
from collections.abc import Callable
from itertools import chain

from sordino import arch
from sordino.image import bits, host, image, packing, tans
from sordino.isa.text.header import c_header
from sordino.meta import table as meta
from sordino.model import load
from sordino.npy import MOST_NUMBERS
from sordino.reference.arithmetic import arithmetic_page
from sordino.reference.frames import uart_page
from sordino.reference.instructions import isa_page
from sordino.reference.markdown import NOTE, as_table, docstring, entries, fields, members, table
from sordino.reference.recordings import recordings_page
from sordino.reference.registers import registers_page
from sordino.rtl.export.resources import SMALLEST_OPERAND, memory_bits, multipliers

__all__ = ["PAGES", "render"]


def image_page() -> str:
    """docs/image.md."""
    return "".join(
        (
            NOTE,
            "# Image file\n\n",
            docstring(image)
            + f"\n\nFormat {image.FORMAT[0]}.{image.FORMAT[1]}.\n\n## Sections\n\n",
            members(image, image.Section),
            "\n## Host section\n\n" + docstring(host) + "\n\n",
            entries(host.NetworkSection),
            "\n## Packing\n\n" + docstring(packing),
            "\n\n### Numbers\n\n" + docstring(bits),
            "\n\n## Streams and tables\n\n" + docstring(tans) + "\n\n### Symbol\n\n",
            docstring(tans.Symbol) + "\n\n" + fields(tans.SymbolLayout),
            "\n### Expanded entry\n\n" + docstring(tans.expand) + "\n\n",
            fields(tans.EntryLayout),
        )
    )


def presets_page() -> str:
    """docs/presets.md."""
    presets = list(arch.PRESETS.values())
    named = {name: None for preset in presets for name in preset.as_dict()}
    names = [name for name in named if name != "name"]
    header = ("", *(p.name for p in presets))
    memory = [memory_bits(p) for p in presets]
    kinds = {kind: None for each in memory for kind in each}
    products = [multipliers(p) for p in presets]
    return "".join(
        (
            NOTE,
            "# Presets\n\n" + docstring(arch) + "\n\n## Fields\n\n",
            table(header, [(f"`{n}`", *(getattr(p, n) for p in presets)) for n in names]),
            "\n" + as_table(docstring(arch.Config), ("field", "meaning")),
            "\n## Memory, kilobits\n\n",
            table(
                header,
                [
                    *((k, *(f"{m.get(k, 0) / 1024:,.0f}" for m in memory)) for k in kinds),
                    ("all", *(f"{sum(m.values()) / 1024:,.0f}" for m in memory)),
                ],
            ),
            "\n## Multipliers, bits × bits\n\nOperands of fewer than "
            f"{SMALLEST_OPERAND} bits are counted as adders.\n\n",
            table(
                header,
                [(k, *(m.get(k, 0) for m in products)) for k in dict.fromkeys(chain(*products))],
            ),
            "\n## Identity\n\n",
            table(header, [("configuration id", *(f"`{p.id:08x}`" for p in presets))]),
        )
    )


def meta_page() -> str:
    """docs/meta.md."""
    return "".join(
        (
            NOTE,
            "# Model files and their meta\n\n",
            docstring(load)
            + f"\n\nAll tensors together have at most {MOST_NUMBERS:,} numbers.\n\n",
            "## Meta\n\n" + docstring(meta) + f"\n\nAt most {meta.MOST_META:,} bytes.\n\n",
            "The least that a model needs:\n\n```json\n",
            json.dumps(_LEAST_META, indent=2) + "\n```\n\n",
            entries(meta.Meta),
        )
    )


_LEAST_META = {"tokens": ["<blank>", " ", "A", "B"], "joint": {"activation": "tanh"}}


PAGES: dict[str, Callable[[], str]] = {
    "arithmetic.md": arithmetic_page,
    "isa.md": isa_page,
    "sordino.h": c_header,
    "image.md": image_page,
    "registers.md": registers_page,
    "uart.md": uart_page,
    "presets.md": presets_page,
    "meta.md": meta_page,
    "recordings.md": recordings_page,
}


def render() -> dict[str, str]:
    """Every page, and the C header, by file name."""
    return {name: page() for name, page in PAGES.items()}
