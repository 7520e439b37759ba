"""What a run uses: the tokens that speech is told to hold."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sordino.compiler.compile import Compiled
from sordino.errors import InputError
from sordino.image.host import HostSection
from sordino.image.image import ImageError
from sordino.tools.report.usage import speech_trace


def test_speech_holds_the_tokens_it_is_told(compiled: Callable[[str], Compiled]) -> None:
    image = compiled("stacked").image
    emits = [n for n, i in enumerate(image.program) if i.mnemonic == "EMIT"]
    trace = speech_trace(image, 21, 13)
    assert np.isin(trace.addresses, emits).sum() == 13
    with pytest.raises(InputError, match="wanted at most 33 tokens in 21 input vectors, got 34"):
        speech_trace(image, 21, 34)
    with pytest.raises(ImageError, match=r"program without tokens; compile a model$"):
        speech_trace(replace(image, host=HostSection()), 3, 1)
