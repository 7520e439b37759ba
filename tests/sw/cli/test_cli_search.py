"""`sordino lm`, and beam search with it in `run` and `eval`."""

from pathlib import Path

import numpy as np
import pytest

from sordino.decode.arpa import load_arpa


@pytest.fixture(scope="module")
def arpa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words that a random model with letters a to k may write."""
    path = tmp_path_factory.mktemp("lm") / "x.arpa"
    lines = ["ab bad cab", "cab", "bad ab", "dab add"]
    words = path.with_suffix(".txt")
    words.write_text("\n\n".join(lines))
    from sordino.cli.main import main

    with pytest.raises(SystemExit):
        main(["lm", str(words), "--order", "2", "-o", str(path), "--json"])
    return path


@pytest.fixture
def folder(tmp_path: Path, recording: Path) -> Path:
    """Two recordings with transcripts, of all splits."""
    rows = ["file\ttranscript\tsplit"]
    for name, split in (("a", "dev"), ("b", "dev"), ("c", "train"), ("d", "train")):
        (tmp_path / f"{name}.wav").write_bytes(recording.read_bytes())
        rows.append(f"{name}.wav\tyes {name}\t{split}")
    (tmp_path / "transcripts.tsv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_lm_of_text(sordino, arpa):
    report = sordino("lm", arpa.with_suffix(".txt"), "-o", arpa, "--order", "2", "--json").json()
    assert (report["sentences"], report["words"], report["vocabulary"]) == (4, 8, 5)
    model = load_arpa(arpa)
    assert model.words == ["ab", "add", "bad", "cab", "dab"]
    assert len(model.logs) == report["ngrams"]
    assert model.order == report["order"] == 2


def test_lm_of_a_corpus_takes_the_training_split_alone(sordino, folder, tmp_path):
    assert sordino("lm", folder, "-o", tmp_path / "x.arpa").code == 0
    assert load_arpa(tmp_path / "x.arpa").words == ["c", "d", "yes"]


def test_lm_for_a_model(sordino, small_model, small_image, tmp_path):
    """Its tokens are the letters a to k."""
    text, output = tmp_path / "x.txt", tmp_path / "x.arpa"
    text.write_text("BAD\u00a0CAB\nYES BAD\n")
    for model in (small_model, small_image):
        command = ("lm", text, "--model", model, "-o", output, "--json")
        report = sordino(*command).json()
        assert load_arpa(output).words == ["bad", "cab", "yes"]
        (said,) = report["warnings"]
        assert "1 of 4 words of the texts (25.0%)" in said
        assert "'s', 'y'" in said
    assert sordino("lm", text, "-o", output, "--json").json()["warnings"] == []


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lm_of_texts_of_other_editors(sordino, tmp_path, start, end):
    text, output = tmp_path / "x.txt", tmp_path / "x.arpa"
    text.write_bytes(f"{start}YES\u2028NO{end}{end}NO\x0cYES\x85NO{end}".encode())
    assert sordino("lm", text, "--order", 2, "-o", output, "--json").json()["sentences"] == 2
    made = output.read_bytes()
    (tmp_path / "y.txt").write_text("YES NO\nNO YES NO\n")
    sordino("lm", tmp_path / "y.txt", "--order", 2, "-o", output)
    assert output.read_bytes() == made


def test_lm_refuses(sordino, tmp_path):
    output = ("-o", tmp_path / "x.arpa")
    assert "cannot read transcripts" in sordino("lm", tmp_path / "none.txt", *output).complaint()
    (tmp_path / "x.txt").write_bytes(b"\xff\xff")
    assert "as UTF-8, got byte 0xff" in sordino("lm", tmp_path / "x.txt", *output).complaint()
    (tmp_path / "x.txt").write_bytes(b"YES\rNO\r")
    assert "carriage return" in sordino("lm", tmp_path / "x.txt", *output).complaint()
    (tmp_path / "x.txt").write_bytes("YES\n".encode("utf-16-le"))
    assert "got a zero byte" in sordino("lm", tmp_path / "x.txt", *output).complaint()
    (tmp_path / "x.txt").write_text("\n\\data\\\nngram 1=3\n")
    assert "got the ARPA file" in sordino("lm", tmp_path / "x.txt", *output).complaint()
    (tmp_path / "x.txt").write_text("file\tsplit\ttranscript\na.wav\tdev\tYES\n")
    assert "give its folder" in sordino("lm", tmp_path / "x.txt", *output).complaint()
    (tmp_path / "x.txt").write_text("\n \n")
    assert "with words in them" in sordino("lm", tmp_path / "x.txt", *output).complaint()
    (tmp_path / "x.txt").write_text("A <s> B")
    assert "'<s>'" in sordino("lm", tmp_path / "x.txt", *output).complaint()
    assert "wanted" in sordino("lm", tmp_path, *output).complaint()
    assert not (tmp_path / "x.arpa").exists()


def test_eval_searches_on_any_engine(sordino, small_image, folder, cxx):
    command = ("eval", small_image, "--data", folder, "--beam", "2", "--json", "--engine")
    golden, cycles, rtl = (sordino(*command, e).json() for e in ("golden", "cycles", "rtl"))
    for found in (cycles, rtl):
        assert found["utterance_errors"] == golden["utterance_errors"]
        assert found["real_time_factor"] == rtl["real_time_factor"] > 0
    assert golden["real_time_factor"] is None


@pytest.mark.parametrize("engine", ["golden", "float"])
def test_eval(sordino, small_image, small_model, folder, arpa, engine):
    model = small_model if engine == "float" else small_image
    command = ("eval", model, "--data", folder, "--engine", engine)
    greedy = sordino(*command, "--json").json()
    assert (greedy["beam"], greedy["lm"]) == (None, None)
    assert greedy["words"] == 4
    one = sordino(*command, "--beam", "1", "--json").json()
    assert one["utterance_errors"] == greedy["utterance_errors"]
    command = (*command, "--beam", "3", "--lm", arpa, "--lm-weight", "0.3", "--word-bonus", "1")
    report = sordino(*command, "--json").json()
    assert (report["beam"], report["lm"]) == (3, str(arpa))
    assert (report["lm_weight"], report["word_bonus"]) == (0.3, 1.0)
    assert report["internal_weight"] == 0.0
    other = sordino(*command, "--internal-weight", "0.2", "--json").json()
    assert other["internal_weight"] == 0.2
    assert report["interval"][0] <= report["wer"] <= report["interval"][1]
    kinds = ("substitutions", "deletions", "insertions")
    assert sum(report[kind] for kind in kinds) == report["errors"]
    assert "beam 3 + x.arpa" in sordino(*command).out


def test_run(sordino, small_image, small_features, arpa):
    greedy = sordino("run", small_image, small_features, "--json").json()["inputs"][0]
    one = sordino("run", small_image, small_features, "--beam", "1", "--json").json()["inputs"][0]
    assert (one["tokens"], one["transcript"]) == (greedy["tokens"], greedy["transcript"])
    command = ("run", small_image, small_features, "--beam", "4", "--lm", arpa)
    entry = sordino(*command, "--json").json()["inputs"][0]
    scores = [h["score"] for h in entry["hypotheses"]]
    assert 1 <= len(scores) <= 4
    assert scores == sorted(scores, reverse=True)
    assert entry["hypotheses"][0]["transcript"] == entry["transcript"]
    assert f"{scores[0]:.2f}" in sordino(*command).out


def test_run_searches_on_the_circuit(sordino, small_image, small_features, arpa, cxx):
    """All of an input's JSON is golden's, but for what has the circuit's time in it."""
    command = (
        "run",
        small_image,
        small_features,
        "--beam",
        "4",
        "--lm",
        arpa,
        "--json",
        "--engine",
    )
    found = {e: sordino(*command, e).json()["inputs"][0] for e in ("golden", "cycles", "rtl")}
    timed = {"cycles", "real_time_factor", "engine", "simulator", "feature_seconds"}
    exact = {name: value for name, value in found["golden"].items() if name not in timed}
    for engine in ("cycles", "rtl"):
        assert {n: v for n, v in found[engine].items() if n not in timed} == exact
        assert found[engine]["engine"] == engine
        assert found[engine]["cycles"] == found["rtl"]["cycles"] > 0
        assert found[engine]["real_time_factor"] == found["rtl"]["real_time_factor"] > 0
    assert found["golden"]["cycles"] is None
    assert found["rtl"]["simulator"] == "cxxrtl"
    assert set(exact["runs"]) == {"reset", "encode", "advance", "score"}
    words = exact["window_words"]
    assert min(words["read"], words["written"]) > 0
    said = sordino(*command[:-2], "--engine", "rtl").out
    assert f"{found['rtl']['cycles']:,} cycles" in said
    assert f"window: {words['read']:,} words read, {words['written']:,} written" in said


def test_run_searches_with_an_utterance_on_the_circuit(sordino, tmp_path, cxx):
    from sordino.image.image import Image
    from sordino.speech.features import FeatureDefinition
    from sordino.speech.inputs import read_input

    models = Path(__file__).parents[3] / "models"
    path, features = models / "an4_rnnt_causal.sordino", tmp_path / "yes.npy"
    definition = FeatureDefinition.of_image(Image.load(path))
    yes = read_input(str(models / "utterances" / "yes.wav"), definition).quantised
    np.save(features, yes[6:16])
    command = ("run", path, features, "--beam", "4", "--json", "--engine")
    golden, rtl = (sordino(*command, engine).json()["inputs"][0] for engine in ("golden", "rtl"))
    for key in ("tokens", "transcript", "hypotheses", "window_words", "runs"):
        assert rtl[key] == golden[key]
    assert rtl["tokens"]
    assert len(rtl["hypotheses"]) == 4
    assert rtl["cycles"] > 100_000


def test_a_waveform_of_a_search(sordino, small_image, small_features, tmp_path, cxx):
    command = ("run", small_image, small_features, "--beam", "2", "--engine", "rtl")
    assert sordino(*command, "--vcd", tmp_path / "x.vcd").code == 0
    assert "window__address" in (tmp_path / "x.vcd").read_text()


def test_search_without_a_compiler(sordino, small_image, small_features, no_compiler):
    command = ("run", small_image, small_features, "--beam", "2", "--engine", "rtl")
    said = sordino(*command).complaint()
    assert "needs a C++ compiler" in said
    assert "use --engine golden" in said
    assert sordino(*command, "--slow").complaint() == said


@pytest.mark.parametrize("search", [("--beam", "2"), ("--lm", "x.arpa")])
def test_a_search_has_no_cycle_limit(sordino, small_image, small_features, search):
    """It was never heard: the limit is of one run, and a search has hundreds."""
    command = ("run", small_image, small_features, *search, "--cycle-limit", "9")
    assert (
        "wanted --cycle-limit or a search (--beam, --lm), got both" in sordino(*command).complaint()
    )


@pytest.mark.parametrize("option", ["--lm-weight", "--word-bonus", "--internal-weight"])
@pytest.mark.parametrize("value", ["0", "1"])
def test_weights_without_a_language_model(sordino, small_image, small_features, option, value):
    line = sordino("run", small_image, small_features, "--beam", "2", option, value).complaint()
    assert f"wanted --lm FILE beside {option}, got none" in line


@pytest.mark.parametrize("option", ["--lm-weight", "--word-bonus", "--internal-weight"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_weights_are_finite(sordino, small_image, small_features, arpa, option, value):
    rest = ("--lm", arpa, option, value)
    assert value in sordino("run", small_image, small_features, *rest).complaint()


@pytest.mark.parametrize("command", ["run", "eval"])
def test_help_says_where_the_weights_come_from(sordino, command):
    text = " ".join(sordino(command, "--help").out.split())
    for default in ("0.4", "1.5", "0"):
        assert f"[default: {default}, chosen on AN4's development speakers]" in text


@pytest.mark.parametrize("command", ["run", "eval"])
def test_bad_language_models_are_one_line(sordino, small_image, small_features, folder, command):
    bad = folder / "bad.arpa"
    bad.write_text("\\data\\\nngram 1=2\n\n\\1-grams:\n-1 A\n")
    rest = (small_features,) if command == "run" else ("--data", folder)
    assert "got its end" in sordino(command, small_image, *rest, "--lm", bad).complaint()
    missing = sordino(command, small_image, *rest, "--lm", folder / "none.arpa").complaint()
    assert "cannot read language model" in missing


def test_images_without_entry_points(sordino, small_image, small_features, tmp_path):
    from dataclasses import replace

    from sordino.image.image import Image

    image = Image.load(small_image)
    path = tmp_path / "old.sordino"
    path.write_bytes(replace(image, host=replace(image.host, search=None)).to_bytes())
    assert sordino("run", path, small_features).code == 0
    said = sordino("run", path, small_features, "--beam", "2").complaint()
    assert "without; compile the model again" in said


def test_no_frames(sordino, small_image, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((0, 117), np.int8))
    assert "frames" in sordino("run", small_image, tmp_path / "x.npy", "--beam", "2").complaint()
