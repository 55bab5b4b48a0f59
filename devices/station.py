"""What is done with a sample between the reactor and the microscope: washing, drying, sizing."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from ophyd import Device
from ophyd.status import Status


class Station(Device, ABC):  # type: ignore[misc]
    """The base of every station: bluesky sets it to a dispatch key, and the step is done when the status is.

    A station remembers every key: a step that is done is not done again. One that lacks a method is refused
    when the lab file is read, and not when a step, or the stop, is wanted.
    """

    simulated = False

    @abstractmethod
    def done(self, key: str) -> bool:
        """Whether the step of ``key`` is done."""

    @abstractmethod
    def result(self, key: str) -> Mapping[str, float | str] | None:
        """What the step of ``key`` gave, by name; None until it is done."""

    @abstractmethod
    def set(self, key: str) -> Status:
        """Do the step of ``key``, or wait for it if it is under way."""

    @abstractmethod
    def make_safe(self, reason: str) -> None:
        """Stop what is under way."""

    def check(self) -> list[str]:
        """What is wrong with it now, in words; nothing moves."""
        return [] if self.connected else [f"{self.name} is not connected"]

    def stop(self, *, success: bool = False) -> None:
        """What bluesky calls when a plan ends, in whatever way."""
        self.make_safe("the plan ended early")
