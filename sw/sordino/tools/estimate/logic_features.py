"""What the size of a block's logic is fitted to: a few numbers of the configuration each.

Two blocks make a machine: a group of lanes with its streams, as often as there are groups, and all
the rest. Every feature stands for something in the circuit, so that few samples suffice.
"""

from sordino.arch import Config

__all__ = ["FEATURES", "RESOURCES", "features"]

RESOURCES = ("luts", "flip_flops")
"""What is fitted: four-input look-up tables, carries counted as two, and flip-flops."""
FEATURES = {
    "group": ("1", "lanes", "lanes · accumulator bits", "streams · (address + state bits)"),
    "rest": ("1", "accumulator bits", "serial"),
}
"""Names of each block's features, in the order of `features`; serial is 1 with a serial vector
unit, else 0."""


def _address_bits(words: int) -> int:
    return (words - 1).bit_length()


def features(block: str, config: Config) -> tuple[float, ...]:
    """The numbers of one block of `FEATURES`; a group is one group."""
    if block == "group":
        lane, group = (_address_bits(n) for n in (config.lane_words, config.group_words))
        states = (config.group + 1) * config.state_bits
        return (
            1.0,
            float(config.group),
            float(config.group * config.accumulator_bits),
            float(config.group * lane + group + states),
        )
    return (1.0, float(config.accumulator_bits), float(config.vector_gates == 1))
