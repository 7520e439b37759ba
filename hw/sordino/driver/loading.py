"""Loading an image, and segments of it beside a running program, through a machine's registers."""

from sordino.driver.bus import Bus, Refused
from sordino.driver.registers import Registers
from sordino.driver.status import MachineError, MachineStatus
from sordino.errors import InputError
from sordino.image.fit import check_fit, check_identity
from sordino.image.image import Image
from sordino.image.loading import LoadSection, load_sections
from sordino.image.rooms import bounds
from sordino.image.segments.segment import (
    Segment,
    room,
    segment_crc,
    segment_sections,
    with_segment,
    without_segment,
)
from sordino.isa.registers import LoadTarget

__all__ = ["Loading", "Looks"]


class Looks:
    """Looks at a machine in which nothing happens; too many in a row raise TimeoutError."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._idle = 0

    def count(self, *, happened: bool = False) -> None:
        """One more look; `happened` says that there was something new."""
        self._idle = 0 if happened else self._idle + 1
        if self._most is not None and self._idle > self._most:
            raise TimeoutError(
                f"wanted the machine to stop or to ask for something, got nothing new in "
                f"{self._most:,} looks; feed it, take its tokens, or abort it"
            )


class Loading(Registers):
    """A host's part that brings images and segments into a machine."""

    def __init__(self, bus: Bus, *, patience: int | None = None) -> None:
        super().__init__(bus)
        self.patience = patience
        self.image: Image | None = None

    async def _give_up(self) -> None:
        """Leave no checked program, so that no mixture of two images starts: state EMPTY."""
        await self.clear()
        if (await self.status()).loaded:
            await self.write("LOAD_TARGET", LoadTarget.PROGRAM.value)
            await self.write("LOAD_ADDRESS", 0)
            await self.write("LOAD_DATA", 0)
            await self.clear()

    async def _expect_idle(self, command: str) -> MachineStatus:
        """The status of a machine that runs nothing; MachineError while it does."""
        status = await self.status()
        if status.busy:
            raise MachineError(
                f"cannot {command}: the machine has a program that runs; wait for its end or "
                "abort it",
                status,
            )
        return status

    async def check(self, image: Image) -> None:
        """Compare an image with the machine; nothing is written.

        Raises ImageError if the machine has another configuration id, speaks other versions, or
        is too small, with everything that is.
        """
        identity = await self.identity()
        check_identity(image, identity.config_id, identity.map_version)
        check_fit(image, await self.capacities(), identity.isa_version)

    async def load(self, image: Image, *, external_page: int | None = None) -> None:
        """Check that an image fits, give up what was loaded before, and load it.

        `external_page` is the 4 KiB page of external memory at which the caller has put
        `image.external`; an image with streamed weights needs it. Raises ImageError for an image
        that does not fit, before anything is written; MachineError while a program runs, and where
        words arrive wrong.
        """
        if bool(image.external) != (external_page is not None):
            raise InputError(
                "wanted external_page with an image that streams weights and only then, got "
                f"{external_page} for {len(image.external):,} bytes; put image.external at a page "
                "of 4 KiB and name it"
            )
        await self.check(image)
        await self._expect_idle("load")
        self.image = None
        await self._give_up()
        for section in load_sections(image):
            await self.load_section(section)
        await self._load_rooms(image)
        if external_page is not None:
            await self.write("STREAM_BASE", external_page)
        self.image = image

    async def load_section(self, section: LoadSection) -> None:
        """Load one section and have the machine check it.

        MachineError where it arrives wrong. What was loaded and checked before stays, but segments:
        with the first word none of them is checked any more. Load those again.
        """
        if self.image is not None:
            for name in self.image.host.segments:
                self.image = without_segment(self.image, name)
        await self._load_words(section)
        await self.write("LOAD_CHECK", section.crc)
        status = await self.status()
        if status.failed:
            raise MachineError(
                f"wanted {len(section.words):,} bytes of {section.target.name}, unit "
                f"{section.unit}, to arrive unchanged, got another CRC; clear, and load again",
                status,
            )

    async def _load_words(self, section: LoadSection) -> None:
        await self.write("LOAD_TARGET", section.chosen)
        await self.write("LOAD_ADDRESS", section.address)
        await self.write_many("LOAD_DATA", list(section))

    # Segments

    async def load_segment(self, segment: Segment) -> None:
        """Load other contents of one segment, also while a program runs, and have them checked.

        It waits as long as the program uses the segment. From then on until the check nothing that
        uses it runs. Raises InputError for a segment of another image and without an image,
        ImageError for contents that do not fit, before anything is written; TimeoutError where the
        program uses the segment for more than `patience` looks, MachineError where an error is
        sticky: the machine keeps the old contents then. MachineError also where words arrive wrong
        or are refused: the segment is not checked then, and all that does not use it goes on.
        """
        if self.image is None:
            raise InputError(
                f"wanted an image for segment {segment.name}, got none; load one with this host"
            )
        changed = with_segment(self.image, segment)
        await self._open(changed, segment.name)
        # Whatever happens from here on, the machine no longer has the old contents.
        self.image = without_segment(self.image, segment.name)
        await self._load_room(changed, segment.name)
        self.image = changed

    async def segments(self) -> frozenset[str]:
        """The names of the segments of the loaded image that are checked."""
        known = self.image.host.segments if self.image is not None else {}
        if not known:
            return frozenset()
        checked = await self.read("SEGMENT_CHECKED")
        return frozenset(name for name, room in known.items() if checked >> room.number & 1)

    async def _load_rooms(self, image: Image) -> None:
        """Say what segments may write, and load those that the image has contents for."""
        if not image.rooms:
            return
        for target, first in bounds(image.rooms, image.config).items():
            if target is not LoadTarget.PROGRAM:
                await self.write("SEGMENT_FIRST", first, word=target.value)
        for name, its in image.host.segments.items():
            if its.filled:
                await self._open(image, name)
                await self._load_room(image, name)

    async def _load_room(self, image: Image, name: str) -> None:
        """Load what an image holds in one room, which is open, and have it checked."""
        sections = list(segment_sections(image, name))
        try:
            for section in sections:
                await self._load_words(section)
            await self.write("LOAD_CHECK", segment_crc(room(image, name).number, sections))
        except Refused as refused:
            status = await self.status()
            if not status.failed:  # else CLEAR closes it
                await self.write("SEGMENT", 0)
            wrong = refused.register == "LOAD_CHECK" and not status.failed
            how = "another CRC" if wrong else f"{refused.register} refused"
            raise MachineError(
                f"wanted segment {name} to arrive unchanged, got {how}; load it again", status
            ) from None

    async def _open(self, image: Image, name: str) -> None:
        """Open a segment, once the program does not use it."""
        looks, stopped = Looks(self.patience), False
        while True:
            try:
                await self.write("SEGMENT", room(image, name).number + 1)
            except Refused:
                status = await self.status()
                if status.failed or (stopped and not status.busy):
                    raise MachineError(
                        f"cannot load segment {name}: the machine has {status}; clear it first, "
                        "or load the image again",
                        status,
                    ) from None
                # The program may have used it, and have stopped since.
                stopped = not status.busy
                looks.count()
            else:
                return
