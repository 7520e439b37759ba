"""The boards' campaign: its flash is no faster than the circuit's, its factors are the bounds'."""

from campaigns.boards import flash_timing, real_time
from sordino.arch import PRESETS
from sordino.cycles.bounds import frame_bounds
from sordino.engines.memory_timing import BEAT
from sordino.image.image import Image
from sordino.rtl.boot.flash import read_cycles
from tests.sw.conftest import REPOSITORY

SHIPPED = REPOSITORY / "models" / "an4_rnnt_causal.sordino"


def test_the_flash_is_no_faster_than_it_is():
    builder = PRESETS["ecpix5"]

    class Streamed:
        config = builder

    for lines in (1, 4):
        timing = flash_timing(Streamed, lines)
        burst = read_cycles(builder.stream_burst * builder.stream_bus // 32, lines)
        assert builder.stream_burst * BEAT / timing.rate >= burst
        assert timing.latency >= 2 * (40 + builder.stream_bus // lines)


def test_factors_of_resident_weights_are_those_of_the_bounds():
    image = Image.load(SHIPPED)
    quiet, worst, needed = real_time(image, 1, 50_000_000)
    bounds = frame_bounds(image)
    assert quiet == bounds.tokens[0].worst / 50_000_000 / 0.04
    assert worst == bounds.frame.worst / 50_000_000 / 0.04
    assert needed == bounds.tokens[0].worst / 0.04
