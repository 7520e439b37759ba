"""Arm's Vela, the compiler of Ethos-U, on the same matrices: bytes and its own cycle estimate.

Vela runs in processes of its own: its decoder ends the process on input it does not like.
"""

import csv
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from sordino.engines.errors import Mismatch, ToolError
from sordino.extras import missing

__all__ = ["Vela", "VelaMatrix"]

_PACKAGE = "ethos-u-vela"
_TIMEOUT = 120
_ENCODE = """
import array, sys
from ethosu import mlw_codec
weights = array.array("b", sys.stdin.buffer.read())
sys.stdout.buffer.write(mlw_codec.encode(weights.tolist()))
"""
_DECODE = """
import array, sys
from ethosu import mlw_codec
weights = mlw_codec.decode(bytearray(sys.stdin.buffer.read()))
sys.stdout.buffer.write(array.array("h", weights).tobytes())
"""
_Matrix = NDArray[np.int8]


@dataclass(frozen=True)
class VelaMatrix:
    """What Vela makes of one matrix.

    codec_bytes    its weight codec over the matrix row by row, decoded again and compared
    command_bytes  the `vela` command on a fully connected layer; scales and biases left out
    npu_cycles     that command's estimate of the layer's cycles on the NPU, memory left out
    """

    codec_bytes: int
    command_bytes: int
    npu_cycles: int

    @property
    def bits(self) -> int:
        """Bits of the smaller encoding."""
        return 8 * min(self.codec_bytes, self.command_bytes)


def _run(arguments: list[str], given: bytes = b"") -> bytes:
    try:
        done = subprocess.run(
            [sys.executable, *arguments], input=given, capture_output=True, timeout=_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"Vela took more than {_TIMEOUT} s; leave it out with --no-vela") from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise ToolError(
            f"Vela ended with code {done.returncode}: {said[-1] if said else 'it said nothing'}"
        )
    return done.stdout


class Vela:
    """The installed Vela; ToolError, saying what to install, where there is none.

    `accelerator` is one of the `vela` command's, `version` that of the package.
    """

    def __init__(self, accelerator: str = "ethos-u55-128") -> None:
        try:
            self.version = version(_PACKAGE)
        except PackageNotFoundError:
            raise ToolError(missing(_PACKAGE, "comparing with Arm's compiler")) from None
        self.accelerator = accelerator

    def encode(self, weights: _Matrix) -> bytes:
        """The stream of Vela's weight codec."""
        return _run(["-c", _ENCODE], np.ascontiguousarray(weights, np.int8).tobytes())

    def decode(self, stream: bytes) -> NDArray[np.int16]:
        """The weights in a stream; ToolError where Vela refuses it."""
        return np.frombuffer(_run(["-c", _DECODE], stream), np.int16)

    def measure(self, matrix: _Matrix) -> VelaMatrix:
        """Encode int8 (outputs, inputs) in both ways; Mismatch if the codec is not lossless."""
        from sordino.tools.peers.tflite import fully_connected

        stream = self.encode(matrix)
        back = self.decode(stream)
        if not np.array_equal(back[: matrix.size], matrix.reshape(-1)) or back[matrix.size :].any():
            raise Mismatch("Vela's decoder does not give back what its encoder was given")
        size, cycles = self.compile(fully_connected(matrix))
        return VelaMatrix(len(stream), size, cycles)

    def lstm_cycles(self, weight_ih: _Matrix, weight_hh: _Matrix) -> int:
        """Vela's estimate of one LSTM step's cycles on the NPU; weights (4 · units, …)."""
        from sordino.tools.peers.tflite import lstm

        return self.compile(lstm(weight_ih, weight_hh))[1]

    def compile(self, model: bytes) -> tuple[int, int]:
        """Encoded weights in bytes and NPU cycles of a TensorFlow Lite model, from the summary."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "bench.tflite"
            path.write_bytes(model)
            _run(
                [
                    "-m",
                    "ethosu.vela",
                    str(path),
                    "--output-dir",
                    folder,
                    "--accelerator-config",
                    self.accelerator,
                ]
            )
            summary = next(Path(folder).glob("bench_summary_*.csv"), None)
            if summary is None:
                raise ToolError("Vela wrote no summary; this version is not supported")
            (row,) = csv.DictReader(summary.read_text().splitlines())
        return int(float(row["total_npu_encoded_weights"])), round(float(row["cycles_npu"]))
