"""The page of the registers: their map, ranges, capacities, commands, counters, fields."""

from sordino.isa import commands, registers
from sordino.reference.markdown import NOTE, docstring, members, table

__all__ = ["registers_page"]

_ENUMERATIONS = (
    (commands, registers.Control),
    (commands, registers.Status),
    (commands, registers.Interrupt),
    (commands, registers.Error),
    (commands, registers.LoadTarget),
)
"""The module that each stands in, and it."""


def registers_page() -> str:
    """docs/registers.md."""
    return "".join(
        (
            NOTE,
            "# Registers\n\n",
            docstring(registers) + "\n\n",
            _addresses(),
            f"\n## Commands by state\n\n{docstring(commands)}\n\n",
            _commands(),
            f"\n## Counters ({registers.COUNTER_BITS} bits)\n\n",
            _counters(),
            *(
                f"\n## {enum.__name__}\n\n{docstring(enum)}\n\n{members(module, enum)}"
                for module, enum in _ENUMERATIONS
            ),
        )
    )


def _addresses() -> str:
    """The registers, the ranges of several words, and what stands in that of the capacities."""
    capacities = registers.REGISTERS["CAPACITIES"].offset
    return "".join(
        (
            table(
                ("offset", "name", "access", "meaning"),
                [
                    (f"0x{r.offset:03x}", f"`{r.name}`", r.access, r.text)
                    for r in registers.REGISTER_MAP
                ],
            ),
            f"\n{docstring(registers.Register)}\n\n## Ranges\n\n{docstring(registers.Range)}\n\n",
            table(
                ("offsets", "name", "for"),
                [
                    (f"0x{r.first:03x} to 0x{r.first + r.size - 1:03x}", f"`{r.name}`", r.text)
                    for r in registers.RANGES
                ],
            ),
            "\n## Capacities\n\nFields of the configuration: [presets](presets.md) says what they "
            "are. 0 in those of streaming: the machine does not stream.\n\n",
            table(
                ("offset", "field"),
                [
                    (f"0x{capacities + 4 * k:03x}", f"`{name}`")
                    for k, name in enumerate(registers.CAPACITIES)
                ],
            ),
        )
    )


def _commands() -> str:
    """What every command does in every state, and what the states and answers are."""
    answers = table(
        ("", *(f"`{state.name}`" for state in commands.State)),
        [
            (f"`{command}`", *(answer[state].name.lower() for state in commands.State))
            for command, answer in commands.ANSWERS.items()
        ]
        + [
            (f"`{command}`, open", *(answer[state].name.lower() for state in commands.State))
            for command, answer in commands.OPENED.items()
        ],
    )
    return answers + "".join(
        f"\n### {enum.__name__}\n\n{docstring(enum)}\n\n{members(commands, enum)}"
        for enum in (commands.State, commands.Answer)
    )


def _counters() -> str:
    first = registers.REGISTERS["COUNTERS"].offset
    return table(
        ("offset", "name", "depends on timing", "counts"),
        [
            (f"0x{first + 8 * k:03x}", f"`{c.name}`", "yes" if c.timed else "no", c.text)
            for k, c in enumerate(registers.COUNTERS)
        ],
    )
