"""An IP for Vivado's IP integrator, and the node of a device tree, for Zynq and Artix."""

from dataclasses import dataclass
from pathlib import Path

from sordino.arch import Config
from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.isa.registers import ADDRESS_BITS
from sordino.rtl.export.emit import port_names
from sordino.rtl.export.verilog import write_verilog
from sordino.rtl.top import Sordino

__all__ = ["SCRIPT", "TREE", "AxiIp", "device_tree", "vivado_script", "write_ip"]

SCRIPT = "component.tcl"
TREE = "sordino.dtso"
TOP = "sordino"
_BYTES = 1 << ADDRESS_BITS
_FAMILIES = ("zynq", "artix7", "kintex7", "zynquplus")
_AXI = "xilinx.com:interface:aximm_rtl:1.0"
_FIRST_SPI = 32
"""Interrupts of the Zynq's fabric are shared ones, which a device tree counts from here on."""


@dataclass(frozen=True, kw_only=True)
class AxiIp:
    """Where a system has the machine.

    part       Vivado's name of the device that the IP is packaged for; other families take it too
    base       byte address of its registers, a multiple of 4 KiB
    interrupt  number of its line at the interrupt controller, 32 or more
    """

    part: str = "xc7z020clg400-1"
    base: int = 0x43C0_0000
    interrupt: int = 61

    def check(self) -> None:
        """Refuse, with InputError, what no system has."""
        if self.base % _BYTES or not 0 <= self.base < 1 << 32:
            raise InputError(
                f"wanted an address below 4 GiB that is a multiple of {_BYTES}, got "
                f"{self.base:#x}; take the one of Vivado's address editor"
            )
        if not _FIRST_SPI <= self.interrupt < 1020:
            raise InputError(
                f"wanted an interrupt from {_FIRST_SPI} to 1019, got {self.interrupt}; 61 is the "
                "first from the Zynq's fabric"
            )
        if not self.part.isascii() or not self.part.replace("-", "").isalnum():
            raise InputError(
                f"wanted a device as Vivado names it, such as xc7z020clg400-1, got {self.part!r}"
            )


def _block(command: str, words: list[str]) -> str:
    return "".join([command, " \\\n  { ", " \\\n    ".join(words), " }"])


def vivado_script(config: Config, ip: AxiIp, source: str) -> str:
    """The Tcl that packages the Verilog file `source` beside it: `vivado -mode batch -source`."""
    ports = port_names(Sordino(config))
    buses = [bus for bus in ("s_axi", "m_axi") if any(p.startswith(f"{bus}_") for p in ports)]
    lines = [
        "# Packages Sordino as an IP: vivado -mode batch -source component.tcl",
        "set here [file dirname [file normalize [info script]]]",
        f"create_project -in_memory -part {ip.part}",
        f"add_files [file join $here {source}]",
        f"set_property top {TOP} [current_fileset]",
        "update_compile_order -fileset sources_1",
        "ipx::package_project -root_dir [file join $here ip] -vendor sordino -library ip "
        "-taxonomy /UserIP -import_files -force",
        "set core [ipx::current_core]",
        f"set_property name {TOP} $core",
        "set_property version 1.0 $core",
        f"set_property display_name {{Sordino {config.name}}} $core",
        f"set_property description {{Neural edge processor, machine {config.id:08x}}} $core",
        "set_property supported_families {"
        + " ".join(f"{family} Production" for family in _FAMILIES)
        + "} $core",
    ]
    for bus in buses:
        own = [port for port in ports if port.startswith(f"{bus}_")]
        lines.append(_block("ipx::infer_bus_interface", own) + f" {_AXI} $core")
    for port, kind in (("clk", "clock"), ("rst", "reset"), ("irq", "interrupt")):
        lines.append(f"ipx::infer_bus_interface {port} xilinx.com:signal:{kind}_rtl:1.0 $core")
    lines += [f"ipx::associate_bus_interfaces -busif {bus} -clock clk $core" for bus in buses]
    lines += [
        "ipx::associate_bus_interfaces -clock clk -reset rst $core",
        "set polarity [ipx::add_bus_parameter POLARITY "
        "[ipx::get_bus_interfaces rst -of_objects $core]]",
        "set_property value ACTIVE_HIGH $polarity",
        "set sensitivity [ipx::add_bus_parameter SENSITIVITY "
        "[ipx::get_bus_interfaces irq -of_objects $core]]",
        "set_property value LEVEL_HIGH $sensitivity",
        "set map [ipx::add_memory_map registers $core]",
        "set block [ipx::add_address_block registers $map]",
        "set_property base_address 0 $block",
        f"set_property range {_BYTES} $block",
        "set_property width 32 $block",
        "set_property slave_memory_map_ref registers "
        "[ipx::get_bus_interfaces s_axi -of_objects $core]",
        "ipx::create_xgui_files $core",
        "ipx::update_checksums $core",
        "ipx::check_integrity $core",
        "ipx::save_core $core",
        "close_project",
    ]
    return "\n".join(lines) + "\n"


def device_tree(config: Config, ip: AxiIp) -> str:
    """An overlay with the machine's node, for the driver `uio_pdrv_genirq`.

    Interrupts are level-triggered. A machine that streams also wants a reserved piece of memory,
    which the system names `sordino_weights`.
    """
    streams = "\t\tmemory-region = <&sordino_weights>;\n" if config.stream_bus else ""
    return (
        "/* The kernel needs uio_pdrv_genirq.of_id=generic-uio on its command line. */\n"
        "/dts-v1/;\n/plugin/;\n\n"
        "&amba {\n"
        f"\tsordino: sordino@{ip.base:x} {{\n"
        '\t\tcompatible = "sordino,sordino-1.0", "generic-uio";\n'
        f"\t\treg = <{ip.base:#x} {_BYTES:#x}>;\n"
        "\t\tinterrupt-parent = <&intc>;\n"
        f"\t\tinterrupts = <0 {ip.interrupt - _FIRST_SPI} 4>;\n"
        f"\t\tsordino,config-id = <{config.id:#010x}>;\n"
        f"{streams}"
        "\t};\n};\n"
    )


def write_ip(config: Config, ip: AxiIp, directory: Path) -> list[Path]:
    """Write the Verilog, the script and the device tree to `directory`; returns their paths.

    InputError for addresses and names that no system has, and as `write_verilog`.
    """
    ip.check()
    verilog = write_verilog(config, directory, top=TOP)
    paths = [verilog, directory / SCRIPT, directory / TREE]
    write_atomically(paths[1], vivado_script(config, ip, verilog.name))
    write_atomically(paths[2], device_tree(config, ip))
    return paths
