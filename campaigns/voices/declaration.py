"""`voices.toml` as values: engines, sets, what is said and what happens to it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from campaigns.voices.noise import KINDS
from sordino.errors import InputError
from sordino.files import parse_toml, read_text

__all__ = [
    "DECLARATION",
    "Declaration",
    "Engine",
    "Heard",
    "Range",
    "Spoken",
    "Texts",
    "VoiceSet",
    "load_declaration",
]

DECLARATION = Path(__file__).with_name("voices.toml")
Range = tuple[float, float]
_ABOUT = {"middle", "z", "higher", "shorter"}


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Shares of the kinds of lines, whose sum is 1, and words that the grammar lacks."""

    word: float
    pair: float
    grammar: float
    transcript: float
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class VoiceSet:
    """A set: the folder it is written to, its split there, its noises and its rooms.

    also   other sets, whose engines speak in this one, too
    texts  shares of its lines, where they are its own
    """

    name: str
    folder: str
    split: str
    noises: tuple[str, ...]
    room_seconds: Range
    room_direct_db: Range
    also: tuple[str, ...] = ()
    texts: Texts | None = None


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One engine, or a corpus of people; it belongs to one set.

    voices   by name: `middle`, its pitch in Hz where it can be set so; `z`, what is read for Z;
             `higher` and `shorter`, factors of pitch and formants where it is made of another one
    program, package, folder  what has to be there, one of the three
    """

    name: str
    set: str
    install: str
    licence: str
    source: str
    note: str
    voices: Mapping[str, Mapping[str, Any]]
    program: str = ""
    package: str = ""
    folder: str = ""


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """The tempo and pitch of lines, 1 for the voice's own."""

    rate: Range
    pitch: Range


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What is drawn for a recording: shares of them, and ranges."""

    speed: Range
    room_share: float
    before_seconds: Range
    after_seconds: Range
    noise_share: float
    snr_db: Range
    babble_voices: Range
    telephone_share: float
    clip_share: float
    clipped: Range
    level_db: Range


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """All of the file."""

    sets: Mapping[str, VoiceSet]
    engines: Mapping[str, Engine]
    texts: Texts
    spoken: Spoken
    heard: Heard

    def engines_of(self, name: str) -> list[Engine]:
        """The engines of a set, in the file's order."""
        own = {name, *self.sets[name].also}
        return [engine for engine in self.engines.values() if engine.set in own]

    def texts_of(self, name: str) -> Texts:
        """What is said in a set."""
        return self.sets[name].texts or self.texts


@cache
def load_declaration(path: Path = DECLARATION) -> Declaration:
    """Read the file; InputError for an entry that is unknown, missing, or says what cannot be."""
    values = parse_toml(read_text(path, "declaration of voices"), "a declaration of voices", path)
    try:
        return _declaration(values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _declaration(values: dict[str, Any]) -> Declaration:
    texts = _texts(values.pop("texts", {}))
    sets = {name: _voice_set(name, part, texts) for name, part in values.pop("sets", {}).items()}
    engines = {name: _build(Engine, part, name) for name, part in values.pop("engines", {}).items()}
    parts = {name: values.pop(name, {}) for name in ("spoken", "heard")}
    if values:
        raise InputError(f"wanted the tables that are known, got {min(values)!r}; take it out")
    for voice_set in sets.values():
        if unknown := set(voice_set.noises) - set(KINDS):
            raise InputError(f"wanted noises among {', '.join(KINDS)}, got {min(unknown)!r}")
        # What is left out of one split is not heard in another.
        fitting = [other.name for other in sets.values() if other.split == voice_set.split]
        if unknown := set(voice_set.also) - set(fitting):
            raise InputError(
                f"wanted also of {voice_set.name} among {', '.join(fitting)}, the sets of its "
                f"split, got {min(unknown)!r}"
            )
    for engine in engines.values():
        _check_engine(engine, sets)
    return Declaration(
        sets=sets,
        engines=engines,
        texts=texts,
        spoken=_build(Spoken, parts["spoken"]),
        heard=_build(Heard, parts["heard"]),
    )


def _texts(values: Mapping[str, Any]) -> Texts:
    texts: Texts = _build(Texts, values)
    total = texts.word + texts.pair + texts.grammar + texts.transcript
    if abs(total - 1) > 1e-9:
        raise InputError(f"wanted shares of texts whose sum is 1, got {total:g}; correct them")
    return texts


def _voice_set(name: str, values: Mapping[str, Any], texts: Texts) -> VoiceSet:
    """A set; lines of its own kinds have the same words."""
    given = dict(values)
    if "texts" in given:
        own = given["texts"]
        if "words" in own:
            raise InputError(
                f"wanted no words in the texts of {name}, got some; put them into [texts]"
            )
        given["texts"] = _texts({**own, "words": list(texts.words)})
    built: VoiceSet = _build(VoiceSet, given, name)
    return built


def _check_engine(engine: Engine, sets: Mapping[str, VoiceSet]) -> None:
    if engine.set not in sets:
        raise InputError(
            f"wanted a set among {', '.join(sets)} for {engine.name}, got {engine.set!r}"
        )
    if sum(map(bool, (engine.program, engine.package, engine.folder))) != 1:
        raise InputError(
            f"wanted one of program, package and folder of {engine.name}, got none or several"
        )
    if not engine.voices:
        raise InputError(f"wanted voices of {engine.name}, got none; name them")
    for voice, about in engine.voices.items():
        if unknown := set(about) - _ABOUT:
            names = ", ".join(sorted(_ABOUT))
            raise InputError(f"wanted one of {names} of voice {voice}, got {min(unknown)!r}")


def _build(kind: Any, values: Mapping[str, Any], name: str | None = None) -> Any:
    """A dataclass from a table: all that has no default, and nothing that it does not know."""
    given = {key: _plain(kind, key, value) for key, value in values.items()}
    if name is not None:
        given["name"] = name
    known = {field.name for field in fields(kind)}
    if unknown := given.keys() - known:
        raise InputError(f"wanted entries among {', '.join(sorted(known))}, got {min(unknown)!r}")
    try:
        return kind(**given)
    except TypeError:
        raise InputError(
            f"wanted all of {', '.join(sorted(known))} for {name or kind.__name__.lower()}, got "
            f"{', '.join(sorted(given)) or 'none'}"
        ) from None


def _plain(kind: Any, key: str, value: Any) -> Any:
    wanted = next((field.type for field in fields(kind) if field.name == key), None)
    if wanted == Range:
        if not isinstance(value, list) or len(value) != 2 or not value[0] <= value[1]:
            raise InputError(f"wanted {key} as [low, high], got {value!r}; correct it")
        return (float(value[0]), float(value[1]))
    if wanted is float and (not isinstance(value, int | float) or not 0 <= value <= 1):
        raise InputError(f"wanted {key} as a share from 0 to 1, got {value!r}; correct it")
    return tuple(value) if isinstance(value, list) else value
