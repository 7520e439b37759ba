"""Simulator side of test_cocotb.py: a beam search through the registers equals that on golden.

The search blocks, as on a board: it runs in a thread of its own, and the simulation stands still
but for the access that it waits for. It is done twice, by a host with the interrupt line and by one
that reads STATUS instead. Plusargs and folder as in bench_top. What the searches took goes to
`search.json` in the folder.
"""

import json
from pathlib import Path

import cocotb
import numpy as np
from bench_top import CLOCK_NS, powered
from cocotb.task import bridge, resume
from cocotb.utils import get_sim_time

from sordino.decode.beam import BeamOptions, beam_search
from sordino.decode.machine_transducer import MachineTransducer
from sordino.driver import Host
from sordino.driver.bus import WHOLE_WORD
from sordino.engines.hosted import Hosted
from sordino.image.image import Image

BEAM = BeamOptions(beam=4)


class Polled:
    """A bus whose accesses return at once, of one whose accesses are awaited; it counts them."""

    def __init__(self, bus):
        self.reads = self.writes = 0
        self._read, self._write = resume(bus.read), resume(bus.write)
        self._write_many = resume(bus.write_many)

    def read(self, address):
        self.reads += 1
        return self._read(address)

    def write(self, address, value, strobe=WHOLE_WORD):
        self.writes += 1
        self._write(address, value, strobe)

    def write_many(self, address, values):
        self.writes += len(values)
        self._write_many(address, values)


class Interrupting(Polled):
    """One with the interrupt line."""

    def __init__(self, bus):
        super().__init__(bus)
        self.interrupt = resume(bus.interrupt)


def searched(bus, image, features, loaded):
    """The hypotheses, and what they took; the image is loaded unless the machine holds it."""
    host = Host(bus)
    if loaded:
        host.protocol.image = image
    else:
        host.load(image)
    machine = MachineTransducer(image, Hosted(host))
    before, bus.reads, bus.writes = machine.work, 0, 0
    begun = get_sim_time("ns")
    found = beam_search(machine, features, BEAM)
    work = machine.work.since(before)
    took = {
        "cycles": work.cycles,
        "read": work.read,
        "written": work.written,
        "runs": dict(work.runs),
        "bus_reads": bus.reads,
        "bus_writes": bus.writes,
        "all_cycles": (get_sim_time("ns") - begun) / CLOCK_NS,
    }
    return found, took


@cocotb.test()
async def search_equals_golden(dut):
    folder = Path(cocotb.plusargs["job"])
    image = Image.load(folder / "image.sordino")
    features = np.load(folder / "features.npy")
    bus = (await powered(dut)).bus
    wanted = beam_search(MachineTransducer(image), features, BEAM)
    assert len(wanted) == BEAM.beam
    took = {}
    for kind in (Interrupting, Polled):
        found, took[kind.__name__] = await bridge(searched)(
            kind(bus), image, features, kind is Polled
        )
        assert found == wanted
    (folder / "search.json").write_text(json.dumps(took))
    dut._log.warning("%s", took)
