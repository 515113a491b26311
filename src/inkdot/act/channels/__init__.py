"""One file per channel. Each has a `deliver` that returns what was said, or raises `Undelivered`.

A new channel: its action in `act/rule.py`, its file here, a line in `act/deliver.py`.
"""

from __future__ import annotations

from inkdot.domain.errors import Failure


class Undelivered(Failure):
    """It did not arrive. `permanent`: trying again is of no use. `wait`: seconds that the other side asks for."""

    def __init__(self, said: str, *, permanent: bool = False, wait: int | None = None) -> None:
        super().__init__(said)
        self.permanent, self.wait = permanent, wait


class Gone(Undelivered):
    """The other side says that it wants nothing more, ever."""

    def __init__(self, said: str) -> None:
        super().__init__(said, permanent=True)
