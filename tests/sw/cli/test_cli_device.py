"""`sordino run --device`: the very program that drives a board, on a simulated one."""

import os
import pty
import sys
from pathlib import Path

import numpy as np
import pytest

from sordino.driver.uart import AsyncUart
from sordino.golden.machine import Golden
from sordino.testing.images.programs import random_config, random_features, random_program
from sordino.testing.images.streaming import streamed_image
from tests.sw.cli.conftest import Finished

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A small random program that emits tokens, and two inputs."""
    folder = tmp_path_factory.mktemp("device")
    rng = np.random.default_rng(25)
    image = random_program(rng, random_config(rng), steps=1)
    path = folder / "image.sordino"
    path.write_bytes(image.to_bytes())
    inputs = []
    for number in range(2):
        inputs.append(folder / f"{number}.npy")
        np.save(inputs[-1], random_features(rng, image, 2))
    return image, path, inputs


@pytest.fixture
def serial():
    return pytest.importorskip("serial")


def test_a_simulated_board_says_what_golden_says(sordino, cxx, serial, job):
    image, path, inputs = job
    done: Finished = sordino("run", path, *inputs, "--device", "sim", "--json")
    assert done.code == 0, done.err
    entries = done.json()["inputs"]
    golden = sordino("run", path, *inputs, "--json").json()["inputs"]
    for entry, expected, features in zip(entries, golden, inputs, strict=True):
        assert entry["tokens"] == expected["tokens"]
        assert entry["transcript"] == expected["transcript"]
        assert entry["engine"] == "device"
        counters = Golden(image).run(np.load(features)).counters
        assert {name: entry["counters"][name] for name in counters} == counters
        device = entry["device"]
        assert (device["name"], device["kind"], device["baud"]) == ("sim", "sim", 1_000_000)
        assert device["load_seconds"] > 0
        assert device["repeated"] == 0
        assert entry["device_seconds"] > 0
    first, second = (entry["device"] for entry in entries)
    assert len(path.read_bytes()) / 4 < first["load_bytes"] < first["bytes_sent"] * 2
    assert second["load_bytes"] == first["load_bytes"]
    assert second["bytes_sent"] > first["bytes_sent"]
    assert second["bytes_received"] > first["bytes_received"]


def test_a_board_is_a_board_and_not_an_engine(sordino, job):
    _, path, inputs = job
    for arguments, message in (
        (("--device", "sim", "--engine", "rtl"), "wanted --device or --engine, got both"),
        (("--baud", 115200), "--baud needs --device with a serial port"),
        (("--device", "sim", "--baud", 12), "12 is not in the range"),
    ):
        assert message in sordino("run", path, inputs[0], *arguments).complaint()


def test_a_port_that_is_not_there(sordino, serial, job):
    _, path, inputs = job
    said = sordino("run", path, inputs[0], "--device", "/dev/ttyNONE7").complaint()
    assert "cannot open the serial port /dev/ttyNONE7 at 1,000,000 baud: " in said


def test_nobody_at_the_port(sordino, serial, job, monkeypatch):
    defaults = {**AsyncUart.__init__.__kwdefaults__, "timeout": 0.01, "tries": 2}
    monkeypatch.setattr(AsyncUart.__init__, "__kwdefaults__", defaults)
    _, path, inputs = job
    board, host = pty.openpty()
    try:
        said = sordino("run", path, inputs[0], "--device", os.ttyname(host)).complaint()
    finally:
        os.close(board)
        os.close(host)
    assert "wanted an answer from the board at /dev/pts/" in said
    assert "its bridge was built for 1,000,000 baud" in said


def test_without_pyserial(sordino, job, monkeypatch):
    _, path, inputs = job
    monkeypatch.setitem(sys.modules, "serial", None)
    said = sordino("run", path, inputs[0], "--device", "/dev/ttyUSB0").complaint()
    assert said == (
        "sordino: a serial port needs serial, which is not installed; "
        "pip install 'sordino[serial]'\n"
    )


def test_mapped_registers_of_another_machine(sordino, job, tmp_path):
    """A file stands in for the device."""
    _, path, inputs = job
    device = tmp_path / "uio0"
    device.write_bytes(bytes(4096))
    said = sordino("run", path, inputs[0], "--device", device).complaint()
    assert "configuration" in said
    done = sordino("run", path, inputs[0], "--device", device, "--baud", 115200)
    assert "wanted --baud with a serial port, got " in done.complaint()


def test_streamed_weights_are_refused(sordino, job, tmp_path):
    path = tmp_path / "streams.sordino"
    path.write_bytes(streamed_image(job[0]).to_bytes())
    said = sordino("run", path, job[2][0], "--device", "sim").complaint()
    assert "wanted an image whose weights fit on the chip for --device" in said


@pytest.mark.slow
def test_a_recording_of_the_shipped_model(sordino, cxx, serial, recording):
    """Loaded and heard over a serial port, from a board that is simulated cycle by cycle."""
    shipped_image = ROOT / "models" / "an4_rnnt_causal.sordino"
    done = sordino("run", shipped_image, recording, "--device", "sim", "--json")
    assert done.code == 0, done.err
    (entry,) = done.json()["inputs"]
    (golden,) = sordino("run", shipped_image, recording, "--json").json()["inputs"]
    assert entry["transcript"] == golden["transcript"]
    assert entry["tokens"] == golden["tokens"]
    assert entry["device"]["bytes_sent"] > shipped_image.stat().st_size
