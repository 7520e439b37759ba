"""FPGAs: what a machine takes of them, and what it lacks."""

from pathlib import Path

from sordino.arch import PRESETS
from sordino.image.image import Image
from sordino.tools.estimate.capacity import trimmed
from sordino.tools.estimate.devices import DEVICES, use_of

SHIPPED = Path(__file__).parents[4] / "models" / "an4_rnnt_g4_80.sordino"


def test_devices() -> None:
    names = [device.name for device in DEVICES]
    assert names == list(dict.fromkeys(names))
    large, small = PRESETS["small"], trimmed(Image.load(SHIPPED)).config
    whole = {device.name: use_of(large, device) for device in DEVICES}
    assert not any(use.fits for name, use in whole.items() if name != "Kria K26")
    assert "block RAM" in whole["ECP5-85"].lacks
    fitting = {device.name: use_of(small, device) for device in DEVICES}
    assert fitting["Kria K26"].fits
    assert fitting["Kria K26"].ultra > 0 == fitting["ECP5-85"].ultra
    assert not fitting["iCE40UP5K"].fits
    for device in DEVICES:
        assert device.source
        assert all(width * depth <= device.block_bits for width, depth in device.shapes)
