"""The tables of docs/voices.md, from the declaration."""

from campaigns.voices.declaration import Declaration
from sordino.reference.markdown import table

__all__ = ["tables"]


def _range(bounds: tuple[float, float], unit: str = "") -> str:
    low, high = (f"{value:g}".replace("-", "−") for value in bounds)
    return f"{low} to {high}{unit}"


def _said(declaration: Declaration) -> str:
    """Shares of the kinds of lines, and those of sets that have their own."""
    own = {n: s.texts for n, s in declaration.sets.items() if s.texts is not None}
    every = [declaration.texts, *own.values()]
    rows = [
        ("a word alone, each as often", *(f"{texts.word:g}" for texts in every)),
        ("two words", *(f"{texts.pair:g}" for texts in every)),
        ("a sample of the grammar", *(f"{texts.grammar:g}" for texts in every)),
        ("a transcript of AN4", *(f"{texts.transcript:g}" for texts in every)),
    ]
    return table(("line", "share", *(f"in `{name}`" for name in own)), rows)


def tables(declaration: Declaration) -> list[str]:
    """Engines, then sets, then what is said, then what happens to it, each in Markdown."""
    heard, spoken = declaration.heard, declaration.spoken
    engines = [
        (
            f"`{engine.name}`",
            engine.set,
            str(len(engine.voices)) if len(engine.voices) > 5 else ", ".join(engine.voices),
            engine.licence,
            engine.install,
            engine.note,
        )
        for engine in declaration.engines.values()
    ]
    sets = [
        (
            f"`{name}`",
            f"`{voice_set.folder}`",
            voice_set.split,
            ", ".join(f"`{also}`" for also in voice_set.also),
            ", ".join(voice_set.noises),
            _range(voice_set.room_seconds, " s"),
            _range(voice_set.room_direct_db, " dB"),
        )
        for name, voice_set in declaration.sets.items()
    ]
    happens = [
        ("tempo, where the voice can be told", "1", _range(spoken.rate)),
        ("pitch, where the voice can be told", "1", _range(spoken.pitch)),
        ("tempo and pitch together, by resampling", "1", _range(heard.speed)),
        ("a room", f"{heard.room_share:g}", "as the set says"),
        ("silence before", "1", _range(heard.before_seconds, " s")),
        ("silence after", "1", _range(heard.after_seconds, " s")),
        ("noise below the speech", f"{heard.noise_share:g}", _range(heard.snr_db, " dB")),
        ("voices in babble", "", _range(heard.babble_voices)),
        ("a telephone's band", f"{heard.telephone_share:g}", "300 to 3,400 Hz at 8 kHz"),
        ("clipping, share of samples", f"{heard.clip_share:g}", _range(heard.clipped)),
        ("level of the speech", "1", _range(heard.level_db, " dB")),
    ]
    return [
        table(("engine", "set", "voices", "licence", "install", "what it is"), engines),
        table(
            (
                "set",
                "folder",
                "split",
                "engines also of",
                "noises",
                "reverberation",
                "direct sound",
            ),
            sets,
        ),
        _said(declaration),
        table(("what, in this order", "share of recordings", "drawn from"), happens),
    ]
