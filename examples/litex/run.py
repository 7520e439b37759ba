"""A LiteX system with a machine on its Wishbone bus: built as Verilog, and simulated.

Writes the small machine below and the system of `soc.py` as Verilog, builds both with Verilator or
Icarus Verilog, and runs `host.py`: it loads a program through LiteX's UARTBone and runs it.

    pip install 'sordino[sim,cocotb,litex]'    # and g++, make and perl on the system
    python examples/litex/run.py [FOLDER]      # default: build/litex
    python examples/litex/run.py --verilog [FOLDER]    # build it only
    SIM=icarus python examples/litex/run.py    # needs iverilog on PATH instead
"""

import os
import sys
from pathlib import Path

from sordino.arch import Config
from sordino.engines.errors import ToolError
from sordino.engines.native.toolchain import verilator_environment
from sordino.isa.operations import Emit, Set
from sordino.rtl.export.verilog import write_verilog
from sordino.testing.images.by_hand import program_image

HERE = Path(__file__).parent
MACHINE = Config(
    name="four", lanes=4, group=4, x_fifo=8, lane_words=64, group_words=64, rows_per_lane=4,
    activation_words=16, state_words=16, parameter_words=4, program_words=16, tables=2,
    matrices=2, feature_fifo=8, token_fifo=4,
)  # fmt: skip
PROGRAM = program_image((Set, {"register": 0, "value": 7}), (Emit, {"register": 0}), config=MACHINE)
OPTIONS = {"verilator": ["-CFLAGS", "-O0", "--no-public-flat-rw", "-Wno-fatal"], "icarus": []}


def build(folder):
    """The files of the machine and of the system around it."""
    try:
        import soc
    except ImportError as error:
        sys.exit(f"{error}; pip install 'sordino[litex]'")
    machine = write_verilog(MACHINE, folder, bus="wishbone")
    system = folder / f"{soc.NAME}.v"
    system.write_text(soc.litex_verilog())
    for path in (machine, system):
        print(f"{path}: {path.stat().st_size:,} bytes")
    return [machine, system]


def simulate(sources, folder):
    """The number of tests that have passed and failed."""
    simulator = os.environ.get("SIM", "verilator")
    if simulator not in OPTIONS:
        sys.exit(f"wanted SIM to be one of {', '.join(OPTIONS)}, got {simulator!r}")
    try:
        from cocotb_tools.runner import VerilatorControlFile, get_results, get_runner

        if simulator == "verilator":
            os.environ.update(verilator_environment())
    except (ImportError, ToolError) as error:
        sys.exit(f"{error}; pip install 'sordino[cocotb]'")
    import soc

    image = folder / "program.sordino"
    image.write_bytes(PROGRAM.to_bytes())
    visible = [VerilatorControlFile(HERE / "visible.vlt")] if simulator == "verilator" else []
    runner = get_runner(simulator)
    runner.build(
        sources=[*visible, *sources],
        hdl_toplevel=soc.NAME,
        build_dir=folder / "build",
        build_args=OPTIONS[simulator],
        timescale=("1ns", "1ps"),
        log_file=folder / "build.log",
    )
    settings = {
        "image": image,
        "base": soc.BASE,
        "cycles": soc.CLOCK_HZ // soc.BAUD,
        "clock": 10**9 // soc.CLOCK_HZ,
    }
    return get_results(
        runner.test(
            hdl_toplevel=soc.NAME,
            test_module="host",
            test_dir=HERE,
            build_dir=folder / "build",
            plusargs=[f"+{name}={value}" for name, value in settings.items()],
            results_xml=str(folder / "results.xml"),
            extra_env={"COCOTB_LOG_LEVEL": "WARNING"},
        )
    )


def main():
    arguments = sys.argv[1:]
    only = "--verilog" in arguments
    places = [Path(a) for a in arguments if a != "--verilog"]
    folder = (places[0] if places else HERE.parents[1] / "build" / "litex").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    sources = build(folder)
    if not only:
        tests, failed = simulate(sources, folder)
        print(f"{tests} tests, {failed} failed")
        sys.exit(failed > 0 or tests == 0)


if __name__ == "__main__":
    main()
