"""A serial line of the system, through pyserial."""

from typing import Any

from sordino.driver.errors import LinkLost
from sordino.errors import InputError
from sordino.extras import needs

__all__ = ["SerialPort"]


class SerialPort:
    """A port of `sordino.driver.uart` at a device such as /dev/ttyUSB0, or at a URL of pyserial.

    InputError where pyserial is missing, where the device cannot be opened, and for a baud rate
    that it does not have; LinkLost where it goes away later.
    """

    def __init__(self, name: str, *, baud: int = 1_000_000) -> None:
        self.name, self.baud = name, baud
        self._port = self._opened()

    def _opened(self) -> Any:
        with needs("a serial port", "serial"):
            import serial
        try:
            # One program at a time: two would take each other's answers.
            return serial.serial_for_url(self.name, baudrate=self.baud, timeout=0, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            reason = " ".join(str(getattr(error, "strerror", None) or error).split())
            raise InputError(
                f"cannot open the serial port {self.name} at {self.baud:,} baud: {reason}; see "
                "that the board is plugged in, and that you may use the port (group dialout)"
            ) from None

    def write(self, data: bytes) -> None:
        """Send bytes."""
        try:
            self._port.write(data)
        except OSError as error:  # SerialException is one
            raise self._lost(error) from None

    def read(self, seconds: float) -> bytes:
        """The bytes that have come, some as soon as there are any; none after `seconds`."""
        try:
            self._port.timeout = seconds
            first = self._port.read(1)
            return bytes(first + self._port.read(self._port.in_waiting)) if first else b""
        except (OSError, TypeError) as error:  # pyserial's read of a closed file descriptor
            raise self._lost(error) from None

    def reopen(self) -> None:
        """Close the device and open it again."""
        self.close()
        self._port = self._opened()

    def close(self) -> None:
        """Give the device back."""
        self._port.close()

    def _lost(self, error: Exception) -> LinkLost:
        reason = " ".join(str(error).split())
        return LinkLost(
            f"cannot go on with the serial port {self.name}: {reason}; plug the board in, "
            "reconnect, and load the image again"
        )
