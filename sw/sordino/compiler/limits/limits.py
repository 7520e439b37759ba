"""What a model needs of a machine, gathered over the whole compilation and refused at once."""

from sordino.arch import RANGES, STREAM_WORD_BITS, Config
from sordino.compiler.limits.errors import DoesNotFit

__all__ = ["Limits"]

_WHOLE_BEATS = ("lane_words", "group_words")


class Limits:
    """The settings of a machine that are too small for a model, and what each would have to be.

    config  the machine, with those settings raised on which the rest of the compilation depends
    needed  by name of the setting, in the order in which they were found
    """

    def __init__(self, config: Config) -> None:
        self.config, self._given = config, config
        self.needed: dict[str, int] = {}
        self._whose: dict[str, str] = {}

    def need(self, setting: str, value: int) -> None:
        """Note that `setting` must be at least `value`."""
        if setting in _WHOLE_BEATS and self._given.stream_bus:
            beat = self._given.stream_bus // STREAM_WORD_BITS
            value = -(-value // beat) * beat
        if value > getattr(self._given, setting):
            self.needed[setting] = max(value, self.needed.get(setting, 0))

    def grow(self, setting: str, value: int, whose: str) -> None:
        """Note a need and go on with a machine that has it; DoesNotFit where none may have it.

        `whose` names in the message what needs it.
        """
        if value > max(getattr(self._given, setting), self.needed.get(setting, 0)):
            self._whose[setting] = f" for {whose}"
        self.need(setting, value)
        if value > RANGES[setting][1]:
            self.check()
        if value > getattr(self.config, setting):
            self.config = self.config.with_settings({setting: value})

    def check(self) -> None:
        """Raise DoesNotFit if there is a setting that must be raised."""
        if self.needed:
            raise DoesNotFit(self._text(), self.needed)

    def _text(self) -> str:
        beyond = {name: n for name, n in self.needed.items() if n > RANGES[name][1]}
        if beyond:
            needs = " and ".join(
                f"{n:,} {name}{self._whose.get(name, '')} (has "
                f"{getattr(self._given, name):,}, no machine has more than {RANGES[name][1]:,})"
                for name, n in beyond.items()
            )
            return f"does not fit any machine: the model needs {needs}; make the model smaller"
        needs = ", ".join(
            f"{n:,} {name}{self._whose.get(name, '')}" for name, n in self.needed.items()
        )
        has = ", ".join(f"{getattr(self._given, name):,}" for name in self.needed)
        raised = ", ".join(f"raise {name} to {n}" for name, n in self.needed.items())
        other = "take --memory needed, or " if "accumulator_bits" not in self.needed else ""
        return (
            f"does not fit {self._given.name}: the model needs {needs}, the machine has {has}; "
            f"{other}{raised}"
        )
