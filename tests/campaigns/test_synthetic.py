"""The corpus of synthetic voices: its declaration, what is drawn, and who speaks."""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from campaigns import synthetic
from campaigns.common import ROOT
from campaigns.voices import engines
from campaigns.voices.corpus import RATE
from campaigns.voices.declaration import DECLARATION, load_declaration
from campaigns.voices.engines import check_engines, read_text_of, speak, versions
from campaigns.voices.hearing import hear
from campaigns.voices.noise import BABBLE
from campaigns.voices.page import tables
from campaigns.voices.plan import (
    Condition,
    Line,
    draw_condition,
    draw_lines,
    every_word,
    people,
    shares,
)
from campaigns.voices.texts import LETTERS, vocabulary
from sordino.errors import InputError
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.files.level import speech_power

VOICES = load_declaration()
TRAIN, APART = VOICES.sets["train"], VOICES.sets["apart"]
TRAINED_ON = [s for s in VOICES.sets.values() if s.split == "train"]
SPEAKING = [e for e in VOICES.engines_of("train") if not e.folder]


DATA = Path(os.environ.get("SORDINO_DATA", "data"))


@pytest.fixture(name="an4")
def an4_tree() -> Path:
    if not (DATA / "an4" / "etc").is_dir():
        pytest.skip(f"no AN4 in {DATA}; set SORDINO_DATA")
    return DATA / "an4"


# The declaration


def test_what_is_left_out_shares_nothing_with_what_is_trained_on() -> None:
    voices = {name: {v for e in VOICES.engines_of(name) for v in e.voices} for name in VOICES.sets}
    assert [s.name for s in VOICES.sets.values() if s not in TRAINED_ON] == ["apart"]
    for trained in TRAINED_ON:
        assert not set(trained.noises) & set(APART.noises)
        assert trained.room_seconds[1] < APART.room_seconds[0]
        assert not voices[trained.name] & voices["apart"]
    left_out = [e for e in VOICES.engines_of("apart") if not e.folder]
    assert len(left_out) >= 2
    heard = [e for s in TRAINED_ON for e in VOICES.engines_of(s.name) if not e.folder]
    assert not {e.program or e.package for e in left_out} & {e.program or e.package for e in heard}
    people = [e for e in VOICES.engines_of("apart") if e.folder]
    assert [len(e.voices) for e in people] == [1]
    assert all(e.licence and e.source and e.install for e in VOICES.engines.values())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("word = 0.25", "word = 0.35", "shares of texts whose sum is 1, got 1.1"),
        ("word = 0.25", 'word = "a"', "word as a share from 0 to 1, got 'a'"),
        ("rate = [0.75, 1.35]", "rate = [2, 1]", r"rate as \[low, high\], got \[2, 1\]"),
        ("rate = [0.75, 1.35]", "tempo = [1, 1]", "entries among pitch, rate, got 'tempo'"),
        ("pitch = [0.8, 1.25]", "", "wanted all of pitch, rate for spoken, got rate"),
        ("[texts]", "[extra]\n[texts]", "tables that are known, got 'extra'"),
        ("word = 0.7", "word = 0.6", "shares of texts whose sum is 1, got 0.9"),
        ('also = ["train"', 'also = ["other"', "also of words among train, .*, got 'other'"),
        ('also = ["train"', 'also = ["apart"', "sets of its split, got 'apart'"),
        ("word = 0.7", 'words = ["NO"]\nword = 0.7', "no words in the texts of words"),
        ("word = 0.7\npair = 0.3\ngrammar = 0.0\ntranscript = 0.0", "", "wanted all of"),
        ('"brown"', '"grey"', "noises among .*, got 'grey'"),
        (
            'set = "apart"',
            'set = "dev"',
            "a set among train, neural, words, apart for piper, got 'dev'",
        ),
        (
            "slt = { middle",
            "slt = { centre",
            "one of higher, middle, shorter, z of voice slt, got 'centre'",
        ),
        ('program = "flite"', "", "one of program, package and folder of flite"),
    ],
)
def test_what_the_declaration_does_not_know_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    text = DECLARATION.read_text()
    assert old in text
    path = tmp_path / "voices.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=said):
        load_declaration(path)


def test_the_grammar_says_every_word_of_an4(an4: Path) -> None:
    words = set(vocabulary())
    known = {w for u in load_dataset(an4, "train") for w in u.text.split()}
    assert known <= words
    assert set(LETTERS) <= words
    assert (len(words - {*LETTERS}), len(known - {*LETTERS})) == (80, 72)  # the page says so


# What is drawn


def test_lines_depend_on_seed_and_number_alone() -> None:
    known = ["GO ON", "SIX THIRTEEN"]
    lines = draw_lines(VOICES, SPEAKING, 600, 3, known)
    assert draw_lines(VOICES, SPEAKING, 600, 3, known) == lines
    assert draw_lines(VOICES, SPEAKING, 90, 3, known) == lines[:90]
    assert draw_lines(VOICES, SPEAKING, 90, 4, known) != lines[:90]
    assert {line.voice for line in lines} == {v for e in SPEAKING for v in e.voices}
    texts = [line.transcript for line in lines]
    assert 60 < sum(text in known for text in texts) < 180
    assert 150 < sum(len(line.words) == 1 for line in lines) < 300
    low, high = VOICES.spoken.rate
    assert all(low <= line.rate <= high for line in lines)


def test_every_engine_says_every_word_alone_in_a_corpus_of_the_default_size() -> None:
    neural = VOICES.engines_of("neural")
    lines = [
        *draw_lines(VOICES, SPEAKING, synthetic.LINES, 1),
        *draw_lines(VOICES, neural, synthetic.LINES, 1),
    ]
    for engine in [*SPEAKING, *neural]:
        alone = {n.words[0] for n in lines if n.engine == engine.name and len(n.words) == 1}
        assert alone == set(vocabulary())


def test_a_set_of_words_hears_the_engines_of_others_each_word_as_often() -> None:
    engines = [e for e in VOICES.engines_of("words") if not e.folder]
    assert [e.name for e in engines] == ["espeak-ng", "flite", "festival", "hibari"]
    lines = synthetic.plan_set(VOICES, "words", engines, 4000, 1, None, [])
    assert {line.engine for line in lines} == {e.name for e in engines}
    assert {len(line.words) for line in lines} == {1, 2}
    counts = Counter(word for line in lines for word in line.words)
    assert set(counts) == set(vocabulary())
    assert max(counts.values()) < 3 * min(counts.values())


def test_the_left_out_engines_say_the_whole_list_once_a_voice() -> None:
    left_out = [e for e in VOICES.engines_of("apart") if not e.folder]
    lines = every_word(left_out)
    assert len(lines) == len(set(lines)) == 3 * len(vocabulary())


def test_people_are_heard_in_the_set_that_they_belong_to() -> None:
    rows = [("7_jackson_9.wav", "SEVEN", "jackson"), ("1_yweweler_9.wav", "ONE", "yweweler")]
    found = [people(VOICES.engines[name], rows) for name in ("fsdd", "fsdd-apart")]
    assert [[line.transcript for line in lines] for lines in found] == [["SEVEN"], ["ONE"]]


@pytest.mark.parametrize("voice_set", [TRAIN, APART], ids=lambda s: s.name)
def test_conditions_lie_where_the_declaration_says(voice_set) -> None:
    drawn = [draw_condition(VOICES, voice_set, n, 500, 1) for n in range(500)]
    assert drawn[:50] == [draw_condition(VOICES, voice_set, n, 500, 1) for n in range(50)]
    heard = VOICES.heard
    assert {c.noise for c in drawn} == {*voice_set.noises, None}
    for values, (low, high) in (
        ([c.level_db for c in drawn], heard.level_db),
        ([c.snr_db for c in drawn if c.snr_db is not None], heard.snr_db),
        ([c.before for c in drawn], heard.before_seconds),
        ([c.room[0] for c in drawn if c.room], voice_set.room_seconds),
    ):
        assert low <= min(values) < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < max(values) <= high
    wanted = (heard.room_share, heard.noise_share, heard.telephone_share, heard.clip_share)
    assert [*shares(drawn).values()] == pytest.approx(wanted, abs=0.06)
    low, high = heard.babble_voices
    assert all(low <= len(c.others) <= high for c in drawn if c.noise == BABBLE)
    assert not any(c.others for c in drawn if c.noise != BABBLE)


def test_what_is_heard_is_the_condition() -> None:
    spoken = 0.1 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    plain = hear(spoken, Condition(before=0.5, after=0.25), RATE, [])
    assert len(plain) == 1.75 * RATE
    assert not plain[: RATE // 2].any()
    quiet = hear(spoken, Condition(before=0.5, after=0.25, level_db=-20), RATE, [])
    assert np.allclose(plain, 10 * quiet)
    noisy = Condition(before=1, noise="white", snr_db=10, room=(0.3, 3), telephone=True, seed=4)
    heard = hear(spoken, noisy, RATE, [])
    assert np.array_equal(heard, hear(spoken, noisy, RATE, []))
    assert not np.array_equal(heard, hear(spoken, replace(noisy, seed=5), RATE, []))
    assert 10 * np.log10(speech_power(heard, RATE) / np.mean(heard[:RATE] ** 2)) > 8


# The engines


def test_letters_are_spelled_as_americans_do() -> None:
    line = Line(words=("ENTER", "A", "Z"), engine="flite", voice="slt")
    assert read_text_of(line, VOICES.engines["flite"]) == "enter, ay, Z."
    british = replace(line, engine="espeak-ng", voice="en-gb")
    assert read_text_of(british, VOICES.engines["espeak-ng"]) == "enter, A., zee"
    word = Line(words=("FIVE",), engine="piper", voice="joe")
    assert read_text_of(word, VOICES.engines["piper"]) == "five."
    assert read_text_of(replace(word, words=("B",), voice="en-US"), VOICES.engines["pico"]) == "B."


def test_engines_that_are_missing_are_all_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"wanted all engines .*, got no") as raised:
        check_engines(VOICES, ["piper", "pico"], None)
    said = str(raised.value)
    assert said.count("\n") == 0
    for name in ("espeak-ng", "flite", "festival", "fsdd", "fsdd-apart"):
        assert f"--without {name}" in said
    assert "--without piper" not in said
    with pytest.raises(InputError, match=r"wanted --without among .*, got festvox"):
        check_engines(VOICES, ["festvox"], None)
    assert check_engines(VOICES, list(VOICES.engines), None) == []


def test_a_voice_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_is_there", lambda _engine, _data: True)
    monkeypatch.setattr(engines, "_said", lambda _command: "(kal_diphone cmu_us_slt_arctic_hts)")
    others = [name for name in VOICES.engines if name != "festival"]
    with pytest.raises(InputError, match="got no festival voice ked_diphone; install them"):
        check_engines(VOICES, others, None)


@pytest.mark.parametrize("name", [e.name for e in VOICES.engines.values() if not e.folder])
def test_an_engine_says_the_same_every_time(name: str, tmp_path: Path) -> None:
    try:
        check_engines(VOICES, [other for other in VOICES.engines if other != name], None)
    except InputError as error:
        pytest.skip(str(error))
    engine = VOICES.engines[name]
    for number, voice in enumerate(list(engine.voices)[:3]):
        line = Line(words=("ENTER", "A"), engine=name, voice=voice, rate=0.9, pitch=1.1)
        paths = [tmp_path / f"{number}-{k}.wav" for k in range(2)]
        for path in paths:
            speak(engine, line, path)
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert 0.3 < soundfile.info(paths[0]).duration < 5
    assert versions([engine])[name]


def test_a_speaker_made_of_another_has_other_pitch_and_formants() -> None:
    bins = 601
    spectrum = np.zeros((bins, 2), dtype=np.float32)
    spectrum[200] = 1.0
    for factor, place in ((1.0, 200), (0.8, 160), (1.15, 230)):
        moved = engines.stretched(spectrum, factor)
        assert moved.shape == spectrum.shape
        assert moved.dtype == np.float32
        assert abs(int(moved[:, 0].argmax()) - place) <= 1
    assert engines.stretched(spectrum, 1.0) is spectrum
    made = [about for voice, about in VOICES.engines["hibari"].voices.items() if voice != "heart"]
    assert all(set(about) == {"higher", "shorter"} for about in made)


# The transcripts, and the page


def test_transcripts_of_nobody_that_is_measured(an4: Path) -> None:
    known = set(synthetic.known_transcripts(an4, []))
    assert known == {u.text for u in load_dataset(an4, "fitting")}
    others = {u.text for part in ("dev", "tuning") for u in load_dataset(an4, part)}
    assert others - known
    assert synthetic.known_transcripts(None, ["an4"]) == []


def test_the_page_has_what_is_declared() -> None:
    page = (ROOT / "docs" / "voices.md").read_text()
    for part in tables(VOICES):
        assert part in page
