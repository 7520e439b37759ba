"""`sordino compile`: what it says, what it writes, and models it refuses."""

import json
import os
import re
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import load_input


def test_json(sordino, small_model, tmp_path):
    path = tmp_path / "new" / "folder" / "x.sordino"
    report = sordino("compile", small_model, "--config", "tiny", "-o", path, "--json").json()
    image = Image.load(path)
    assert report["image"] == str(path)
    assert report["bytes"] == path.stat().st_size
    assert report["config"] == image.config.name == "tiny"
    assert report["instructions"] == len(image.program)
    assert report["weights"] == sum(layer["weights"] for layer in report["layers"])
    assert report["layers"][0]["name"] == "encoder.0.weight_ih"
    assert 0.7 < report["zeros"] < 0.9


def test_text_and_report(sordino, small_model, tmp_path):
    result = sordino(
        "compile",
        small_model,
        "--config",
        "tiny",
        "--weight-bits",
        4,
        "--sparsity",
        0.9,
        "-o",
        tmp_path / "x.sordino",
        "--report",
        tmp_path / "report",
    )
    assert result.code == 0
    assert "times smaller than float32" in result.out
    report = json.loads((tmp_path / "report" / "layers.json").read_text())
    assert report["summary"]["weight_bits"] == 4
    assert report["summary"]["zeros"] >= 0.9
    assert "MATVEC" in (tmp_path / "report" / "listing.txt").read_text()


def test_signal_to_noise_of_every_matrix(sordino, small_model, tmp_path):
    path = tmp_path / "x.sordino"
    report = sordino("compile", small_model, "-o", path, "--json").json()
    ratios = [report["embedding_snr_db"], *(layer["snr_db"] for layer in report["layers"])]
    assert all(snr is None or snr > 20 for snr in ratios)
    assert report["warnings"] == []
    result = sordino("compile", small_model, "--weight-bits", 2, "-o", path)
    assert result.code == 0
    assert "SNR, dB" in result.out
    assert result.err.startswith("sordino: warning: rounding leaves little of ")


def test_outliers_are_clipped_and_said(sordino, small_model, tmp_path):
    path, loud = tmp_path / "x.sordino", tmp_path / "loud.npz"
    arrays = dict(np.load(small_model))
    arrays["encoder.0.weight_hh"][3, 2] = 1e6
    np.savez(loud, **arrays)
    said = "clipped: encoder.0.weight_hh (1 of "
    assert said in sordino("compile", loud, "-o", path).err
    assert said in sordino("compile", loud, "-o", path, "--json").json()["warnings"][0]
    (warning,) = sordino("compile", loud, "-o", path, "--clip", "none", "--json").json()["warnings"]
    assert "encoder.0.weight_hh has 0.0 dB" in warning
    quiet = sordino("compile", loud, "-o", path, "--clip", 6, "--json").json()
    assert quiet["warnings"] == []
    assert Image.load(path).host.clip == 6
    result = sordino("compile", loud, "-o", path, "--clip", "often")
    assert result.code == 2
    assert "wanted clip to be auto, none or a factor of at least 1, got 'often'" in result.err


def test_default_output_stands_beside_the_model(sordino, small_model, tmp_path):
    model = tmp_path / "mine.npz"
    model.write_bytes(small_model.read_bytes())
    assert sordino("compile", model, "--set", "lanes=8", "--set", "lane_words=0x1_0000").code == 0
    config = Image.load(tmp_path / "mine.sordino").config
    assert (config.lanes, config.lane_words) == (8, 65536)


def test_a_lower_blank_gives_more_tokens(sordino, recording, tmp_path):
    counts, model = [], recording.parents[1] / "an4_rnnt_g4_80.npz"
    for nats in (-6, 0, 6):
        path = tmp_path / f"{nats}.sordino"
        assert sordino("compile", model, "--blank-penalty", nats, "-o", path).code == 0
        image = Image.load(path)
        assert image.host.blank_penalty == nats
        definition = FeatureDefinition.of_image(image)
        counts.append(len(Golden(image).run(load_input(recording, definition)).tokens))
    assert counts[0] < counts[1] < counts[2]
    result = sordino("compile", model, "--blank-penalty", 11, "-o", path)
    assert result.code == 2
    assert "wanted blank_penalty to be -10 to 10 nats, got 11.0" in result.err


def test_shares_say_where_zeros_lie(sordino, small_model, tmp_path):
    zeros = {}
    for shares in ("even", "layer_adaptive"):
        report = sordino(
            "compile",
            small_model,
            "--sparsity",
            0.9,
            "--shares",
            shares,
            "-o",
            tmp_path / "x.sordino",
            "--json",
        ).json()
        assert report["zeros"] >= 0.9
        zeros[shares] = [layer["zeros"] for layer in report["layers"]]
    assert min(zeros["even"]) >= 0.89 > min(zeros["layer_adaptive"])


def test_meta_from_a_file(sordino, small_model, small_meta, tmp_path):
    meta, path = tmp_path / "meta.json", tmp_path / "x.sordino"
    meta.write_text(json.dumps({**small_meta, "max_symbols_per_frame": 1}))
    assert sordino("compile", small_model, "--meta", meta, "-o", path).code == 0
    assert Image.load(path).host.max_symbols == 1


# Models


def npz(tensors, meta):
    def make(folder):
        np.savez(folder / "x.npz", meta=np.array(json.dumps(meta)), **tensors)
        return folder / "x.npz"

    return make


def changed(tensors, **changes):
    return {k: v for k, v in (tensors | changes).items() if v is not None}


@pytest.fixture
def bad_models(small_tensors, small_meta):
    """How to make each, and what must be said."""
    tensors, meta = small_tensors, small_meta
    first = tensors["encoder.0.weight_ih"]
    broken = first.copy()
    broken[3, 5] = np.nan

    def of(meta=meta, **changes):
        dotted = {name.replace("__", "."): value for name, value in changes.items()}
        return npz(changed(tensors, **dotted), meta)

    def without(name):
        return of(**{name: None})

    def bytes_of(name, contents):
        def make(folder):
            (folder / name).write_bytes(contents)
            return folder / name

        return make

    def pickled(folder):
        np.savez(folder / "x.npz", **{"encoder.0.weight_ih": np.array([{}], object)})
        return folder / "x.npz"

    def zipped(folder):
        with zipfile.ZipFile(folder / "x.npz", "w") as archive:
            archive.writestr("encoder.0.weight_ih.npy", b"nothing of NumPy's")
        return folder / "x.npz"

    def safetensors(folder):
        save_file({k: v.astype(np.float32) for k, v in tensors.items()}, folder / "x.safetensors")
        return folder / "x.safetensors"

    return {
        "NaN": (of(encoder__0__weight_ih=broken), "finite numbers in encoder.0.weight_ih"),
        "infinity": (of(joint__output__bias=np.full(12, np.inf)), "joint.output.bias"),
        "missing tensor": (without("joint.output.weight"), "joint.output.weight, found none"),
        "missing layer": (
            of(**{f"encoder.2.{k}": tensors[f"encoder.0.{k}"] for k in ("weight_ih", "weight_hh")}),
            "encoder.1.weight_ih",
        ),
        "shape": (of(encoder__0__weight_hh=np.zeros((32, 9))), "encoder.0.weight_hh"),
        "text": (of(joint__output__bias=np.array(["a"] * 12)), "wanted numbers in tensor"),
        "convolution": (of(encoder__conv__weight=first), "cannot be compiled"),
        "bidirectional": (
            of(**{"encoder.weight_ih_l0_reverse": first}),
            "bidirectional layers cannot be compiled",
        ),
        "tokens": (of({**meta, "tokens": ["a"]}), "wanted 12 tokens"),
        "blank": (of({**meta, "blank": 99}), "meta blank"),
        "activation": (of({**meta, "joint": {"activation": "gelu"}}), "gelu"),
        "gates": (of({**meta, "gate_order": "i g f o"}), "permute"),
        "layers": (of({**meta, "encoder": {"layers": 3}}), "3 encoder layers"),
        "features": (of({**meta, "features": {"kind": "fbank"}}), "'fbank'"),
        "stack": (of({**meta, "features": {"kind": "sphinx-mfcc", "stack": 2}}), "width 117"),
        "meta is a list": (of([1, 2]), "meta as a JSON object"),
        "no meta": (safetensors, "give --meta FILE"),
        "pickled": (pickled, "NumPy archive of plain arrays"),
        "empty": (bytes_of("x.npz", b""), "NumPy archive"),
        "not npz": (bytes_of("x.npz", b"PK\3\4 no more"), "NumPy archive"),
        "zip of something": (zipped, "wanted numbers in tensor"),
        "not safetensors": (bytes_of("x.safetensors", b"\xff" * 40), "wanted safetensors"),
        "suffix": (bytes_of("x.onnx", b"onnx"), "wanted a model as .npz"),
        "image": (bytes_of("x.sordino", b"SORDINO\0"), "wanted a model as .npz"),
        "missing": (lambda folder: folder / "none.npz", "none.npz: No such file"),
        "folder": (lambda folder: folder, "wanted a model as .npz"),
    }


KINDS = (
    "NaN",
    "infinity",
    "missing tensor",
    "missing layer",
    "shape",
    "text",
    "convolution",
    "bidirectional",
    "tokens",
    "blank",
    "activation",
    "gates",
    "layers",
    "features",
    "stack",
    "meta is a list",
    "no meta",
    "pickled",
    "empty",
    "not npz",
    "zip of something",
    "not safetensors",
    "suffix",
    "image",
    "missing",
    "folder",
)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_model(sordino, bad_models, tmp_path, kind):
    make, wanted = bad_models[kind]
    path, image = make(tmp_path), tmp_path / "out.sordino"
    assert wanted in sordino("compile", path, "-o", image).complaint()
    assert wanted in sordino("compile", path, "-o", image, "--json").complaint()
    assert not image.exists()


def test_every_bad_model_is_tried(bad_models):
    assert set(KINDS) == bad_models.keys()


@pytest.mark.parametrize(
    ("contents", "wanted"),
    [
        (None, "No such file"),
        (b"", "meta.json as JSON"),
        (b"{tokens: 1}", "meta.json as JSON"),
        (b"\xff\xfe\0", "as UTF-8, got UTF-16"),
        (b"[" * 100_000, "meta.json as JSON"),
        (b"null", "meta"),
        (b"3", "wanted meta as a JSON object"),
        (b"{}", "wanted meta tokens as a list"),
    ],
    ids=("missing", "empty", "not JSON", "not text", "deep", "null", "number", "bare"),
)
def test_bad_meta(sordino, small_model, tmp_path, contents, wanted):
    meta = tmp_path / "meta.json"
    if contents is not None:
        meta.write_bytes(contents)
    assert wanted in sordino("compile", small_model, "--meta", meta).complaint()


# Machines


@pytest.mark.parametrize(
    "setting",
    [
        "lane_words=64",
        "group_words=16",
        "rows_per_lane=1",
        "activation_words=64",
        "state_words=16",
        "parameter_words=8",
        "program_words=16",
        "matrices=3",
    ],
)
def test_a_model_that_does_not_fit(sordino, small_model, tmp_path, setting):
    image = tmp_path / "x.sordino"
    image.write_bytes(b"old")
    result = sordino("compile", small_model, "--config", "tiny", "--set", setting, "-o", image)
    if setting == "rows_per_lane=1":  # more tiles do for all but the output layer
        assert "raise rows_per_lane to 3" in result.complaint()
    complaint = result.complaint()
    field = setting.partition("=")[0]
    assert "does not fit" in complaint
    assert f"raise {field} to " in complaint
    assert "the machine has" in complaint
    assert image.read_bytes() == b"old"
    # What it says is enough for this memory.
    enough = complaint.rsplit(" ", 1)[1].strip().replace(",", "")
    again = sordino(
        "compile", small_model, "--config", "tiny", "--set", f"{field}={enough}", "-o", image
    )
    assert again.code == 0


def test_everything_that_does_not_fit_is_said_at_once(sordino, small_model, tmp_path):
    image = tmp_path / "x.sordino"
    least = ("lane_words=64", "group_words=16", "state_words=16", "program_words=16", "matrices=3")
    options = [part for setting in least for part in ("--set", setting)]
    command = ("compile", small_model, "--config", "tiny", *options, "-o", image)
    complaint = sordino(*command).complaint()
    raised = re.findall(r"raise (\w+) to (\d+)", complaint)
    assert {name for name, _ in raised} == {setting.partition("=")[0] for setting in least}
    assert "take --memory needed, or raise" in complaint
    followed = [part for name, n in raised for part in ("--set", f"{name}={n}")]
    assert sordino("compile", small_model, "--config", "tiny", *followed, "-o", image).code == 0
    # As is the other advice.
    report = sordino(*command, "--memory", "needed", "--json").json()
    config = Image.load(image).config
    assert {name: str(getattr(config, name)) for name, _ in raised} == dict(raised)
    assert (report["config"], config.lanes) == ("tiny", 4)
    needed = sordino("estimate", small_model, "--config", "tiny", *options, "--memory", "needed")
    assert needed.code == 0


# Outputs


def test_an_output_that_cannot_be_written(sordino, small_model, tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    for path, wanted in (
        (tmp_path, "is a folder; name a file in it"),
        (tmp_path / "file" / "x.sordino", "is not a folder"),
    ):
        assert wanted in sordino("compile", small_model, "-o", path).complaint()
    report = sordino("compile", small_model, "--report", tmp_path / "file")
    assert "file" in report.complaint()
    assert (tmp_path / "file").read_bytes() == b"old"


def test_no_permission(sordino, small_model, tmp_path, monkeypatch):
    # Root may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path)
    result = sordino("compile", small_model, "-o", tmp_path / "x.sordino")
    assert f"no permission in {tmp_path}" in result.complaint()


@pytest.mark.parametrize("function", ["replace", "chmod", "fdopen"])
def test_nothing_is_half_written(sordino, small_model, tmp_path, monkeypatch, function):
    path = tmp_path / "x.sordino"
    path.write_bytes(b"old")

    def full(*_arguments, **_more):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(os, function, full)
    result = sordino("compile", small_model, "-o", path)
    assert f"{path}: No space left on device" in result.complaint()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.sordino"]
