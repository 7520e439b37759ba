"""Simulator side of test_cocotb.py: a beam search through the registers equals that on golden.

The search blocks, as on a board: it runs in a thread of its own, and the simulation stands still
but for the access that it waits for. Plusargs and folder as in bench_top. What it took goes to
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


class Blocking:
    """A bus whose accesses return at once, of one whose accesses are awaited; it counts them."""

    def __init__(self, bus):
        self.reads = self.writes = 0
        self._read, self._write = resume(bus.read), resume(bus.write)
        self._write_many = resume(bus.write_many)
        self.interrupt = resume(bus.interrupt)

    def read(self, address):
        self.reads += 1
        return self._read(address)

    def write(self, address, value, strobe=WHOLE_WORD):
        self.writes += 1
        self._write(address, value, strobe)

    def write_many(self, address, values):
        self.writes += len(values)
        self._write_many(address, values)


@cocotb.test()
async def search_equals_golden(dut):
    folder = Path(cocotb.plusargs["job"])
    image = Image.load(folder / "image.sordino")
    features = np.load(folder / "features.npy")
    bus = Blocking((await powered(dut)).bus)
    took = {}

    def search():
        host = Host(bus)
        host.load(image)
        machine = MachineTransducer(image, Hosted(host))
        before, bus.reads, bus.writes = machine.work, 0, 0
        begun = get_sim_time("ns")
        found = beam_search(machine, features, BEAM)
        work = machine.work.since(before)
        took.update(
            cycles=work.cycles,
            read=work.read,
            written=work.written,
            runs=dict(work.runs),
            bus_reads=bus.reads,
            bus_writes=bus.writes,
            all_cycles=(get_sim_time("ns") - begun) / CLOCK_NS,
        )
        return found

    found = await bridge(search)()
    assert found == beam_search(MachineTransducer(image), features, BEAM)
    assert len(found) == BEAM.beam
    (folder / "search.json").write_text(json.dumps(took))
    dut._log.warning("%s", took)
