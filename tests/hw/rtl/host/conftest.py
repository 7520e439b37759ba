"""Testbenches of the host's commands."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sordino.stimuli.simulate import simulate
from tests.hw.rtl.host.session import Session


@pytest.fixture
def run(system: Any) -> Callable[[Callable[[Session], Awaitable[None]]], None]:
    """Runs a testbench on a bench of its own."""

    def start(testbench: Callable[[Session], Awaitable[None]]) -> None:
        session = Session(system)

        async def job(ctx: Any) -> None:
            session.ctx = ctx
            await testbench(session)

        simulate(session.bench, job, timeout=60_000, background=(session.monitor,))

    return start
