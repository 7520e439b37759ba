"""The IP's script and device tree: run and read by what there is here, which is not Vivado."""

import gc
import shutil
import subprocess
import warnings

import pytest
from amaranth.hdl import Fragment, Module

from sordino.arch import PRESETS
from sordino.boards.axi_ip import AxiIp, device_tree, vivado_script
from sordino.errors import InputError
from sordino.rtl.export.emit import port_names
from sordino.rtl.top import Sordino

TINY = PRESETS["tiny"]
STREAMED = TINY.with_settings({"stream_bus": 64})
STUBS = """
foreach name {
  create_project add_files set_property update_compile_order current_fileset close_project
  ipx::package_project ipx::current_core ipx::infer_bus_interface ipx::associate_bus_interfaces
  ipx::add_bus_parameter ipx::get_bus_interfaces ipx::add_memory_map ipx::add_address_block
  ipx::create_xgui_files ipx::update_checksums ipx::check_integrity ipx::save_core
} {
  namespace eval [string trimright [namespace qualifiers ::$name] :] {}
  proc ::$name args "puts \\[list $name {*}\\$args\\]; return <$name>"
}
"""


def called(script, tmp_path):
    """Every call of the script, by a Tcl in which Vivado's commands say how they are called."""
    tclsh = shutil.which("tclsh")
    if tclsh is None:
        pytest.skip("no tclsh")
    (tmp_path / "component.tcl").write_text(STUBS + script)
    done = subprocess.run(
        [tclsh, tmp_path / "component.tcl"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize("config", [TINY, STREAMED], ids=["plain", "streamed"])
def test_the_script_runs_and_names_every_port(config, tmp_path):
    calls = called(vivado_script(config, AxiIp(), "sordino.v"), tmp_path)
    inferred = [line for line in calls if line.startswith("ipx::infer_bus_interface")]
    named = {word.strip("{}") for line in inferred for word in line.split()}
    ports = set(port_names(Sordino(config))) | {"clk", "rst"}
    assert ports <= named
    assert sum("aximm_rtl" in line for line in inferred) == (2 if config.stream_bus else 1)
    assert f"add_files {tmp_path}/sordino.v" in calls
    assert "set_property range 4096 <ipx::add_address_block>" in calls
    assert "set_property value ACTIVE_HIGH <ipx::add_bus_parameter>" in calls
    assert calls[-2:] == ["ipx::save_core <ipx::current_core>", "close_project"]


def test_a_machine_that_is_only_asked_for_its_ports_is_no_warning():
    Fragment.get(Module(), None)  # before a first component is built, Amaranth never warns
    gc.collect()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        vivado_script(TINY, AxiIp(), "sordino.v")
        gc.collect()
    assert not seen


@pytest.mark.parametrize("config", [TINY, STREAMED], ids=["plain", "streamed"])
def test_the_tree_compiles(config, tmp_path):
    dtc = shutil.which("dtc")
    if dtc is None:
        pytest.skip("no dtc")
    (tmp_path / "a.dtso").write_text(device_tree(config, AxiIp()))
    made = subprocess.run(
        [dtc, "-q", "-@", "-I", "dts", "-O", "dts", tmp_path / "a.dtso"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert made.stderr == ""
    assert "sordino@43c00000 {" in made.stdout
    assert 'compatible = "sordino,sordino-1.0", "generic-uio";' in made.stdout
    assert "reg = <0x43c00000 0x1000>;" in made.stdout
    assert "interrupts = <0x00 0x1d 0x04>;" in made.stdout
    assert ("memory-region" in made.stdout) == bool(config.stream_bus)


def test_the_tree_is_well_formed():
    tree = device_tree(STREAMED, AxiIp(base=0x44A0_0000, interrupt=62))
    assert tree.count("{") == tree.count("}") == 2
    statements = [line for line in tree.splitlines() if line.startswith("\t\t")]
    assert all(line.endswith(";") for line in statements)
    assert "sordino@44a00000" in tree
    assert "interrupts = <0 30 4>;" in tree
    assert f"<0x{STREAMED.id:08x}>" in tree


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base": 0x43C0_0004}, "wanted an address below 4 GiB that is a multiple of 4096, got 0x"),
        ({"base": 1 << 32}, "wanted an address below 4 GiB"),
        ({"interrupt": 31}, "wanted an interrupt from 32 to 1019, got 31; "),
        ({"part": "xc7; exec rm"}, "wanted a device as Vivado names it, such as xc7z020clg400-1"),
        ({"part": ""}, "wanted a device as Vivado names it"),
    ],
)
def test_what_no_system_has_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        AxiIp(**change).check()
