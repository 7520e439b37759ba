"""Arm's Vela beside us, where it is installed."""

import numpy as np
import pytest

from sordino.engines.errors import ToolError
from sordino.tools.peers import Vela, order0_bits, vela


@pytest.fixture(scope="module")
def installed() -> Vela:
    """Vela, or skip."""
    pytest.importorskip("ethosu.mlw_codec", reason="ethos-u-vela is not installed")
    return Vela()


def test_a_matrix_is_encoded_and_timed(installed: Vela) -> None:
    rng = np.random.default_rng(0)
    matrix = np.rint(rng.laplace(size=(64, 96)) * 2).clip(-15, 15).astype(np.int8)
    measured = installed.measure(matrix)
    assert order0_bits(matrix) < measured.bits < 1.2 * order0_bits(matrix)
    assert measured.bits == 8 * min(measured.codec_bytes, measured.command_bytes)
    assert measured.npu_cycles > 0


def test_a_decoder_that_ends_its_process_does_not_end_ours(installed: Vela) -> None:
    with pytest.raises(ToolError, match="Vela ended with code"):
        installed.decode(b"not a stream of weights, to be sure")


def test_vela_does_not_skip_zeros(installed: Vela) -> None:
    """Its own estimate of an LSTM-640's step, of which a machine that skips takes 75 % less."""
    rng = np.random.default_rng(0)
    weights = (rng.integers(-7, 8, (2560, 640)) * (rng.random((2560, 640)) < 0.25)).astype(np.int8)
    cycles = installed.lstm_cycles(weights, weights)
    assert cycles == installed.lstm_cycles(np.abs(weights) | 1, np.abs(weights) | 1)
    assert cycles > 400_000


def test_without_vela_the_reason_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vela, "_PACKAGE", "ethos-u-vela-that-is-not-there")
    with pytest.raises(ToolError, match=r"is not installed; pip install"):
        Vela()
