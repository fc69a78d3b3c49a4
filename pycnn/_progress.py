"""What `fit` shows: a bar, a line per epoch, or nothing."""

import time
from typing import Any

from pycnn._names import known_name

_MIN_INTERVAL = 0.1


def checked_verbose(verbose: str | int) -> int:
    """Returns 0 (silent), 1 (a bar) or 2 (a line per epoch); "auto" is 1.

    Raises:
        ValueError: something else.
    """
    if isinstance(verbose, str):
        known_name("verbose", verbose, ("auto",))
        return 1
    if verbose not in (0, 1, 2):
        raise ValueError(f"verbose must be 0, 1, 2 or 'auto'; received {verbose!r}")
    return int(verbose)


def progress_display(verbose: int, epochs: int, images: int) -> "Display":
    """Returns the display for a checked `verbose`."""
    kinds = {0: Display, 1: Bar, 2: Lines}
    return kinds[verbose](epochs, images)


def log_text(logs: dict[str, float]) -> str:
    """Returns ``"loss 0.1234, accuracy 0.9712"``."""
    return ", ".join(f"{name} {value:.4g}" for name, value in logs.items())


def result_line(what: str, images: int, seconds: float, logs: dict[str, float]) -> str:
    """Returns the line that evaluate and predict print."""
    rate = images / max(seconds, 1e-9)
    parts = [f"{what}: {images:,} images, {rate:,.0f} images/s", log_text(logs)]
    return ", ".join(part for part in parts if part)


class Display:
    """Shows nothing; the base of those that do."""

    def __init__(self, epochs: int, images: int) -> None:
        self._epochs = epochs
        self._images = images
        self._start = 0.0
        self._rate = 0.0

    def begin(self, epoch: int) -> None:
        """An epoch begins."""
        self._epoch = epoch
        self._start = time.perf_counter()

    def update(self, images: int, logs: dict[str, float]) -> None:
        """So many images of the epoch are done, with these means."""
        self._rate = images / max(time.perf_counter() - self._start, 1e-9)

    def end(self, logs: dict[str, float]) -> None:
        """The epoch and its validation are done."""

    def close(self) -> None:
        """The training is over, or has failed."""

    def _text(self, logs: dict[str, float]) -> str:
        return f"{self._rate:,.0f} images/s, {log_text(logs)}"

    def _title(self) -> str:
        return f"Epoch {self._epoch + 1}/{self._epochs}"


class Lines(Display):
    """A line per epoch."""

    def end(self, logs: dict[str, float]) -> None:
        """Prints the line."""
        seconds = time.perf_counter() - self._start
        print(f"{self._title()}: {seconds:.1f} s, {self._text(logs)}", flush=True)


class Bar(Display):
    """A bar per epoch, moving ten times a second, with loss, metrics and images per second."""

    def __init__(self, epochs: int, images: int) -> None:
        super().__init__(epochs, images)
        self._bar: Any = None
        self._shown = 0.0

    def begin(self, epoch: int) -> None:
        """Begins a bar."""
        from tqdm import tqdm  # here, because it is slow to import

        super().begin(epoch)
        self._shown = 0.0
        self._bar = tqdm(
            total=self._images,
            desc=self._title(),
            mininterval=0,
            bar_format="{desc} {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} {elapsed}{postfix}",
        )

    def update(self, images: int, logs: dict[str, float]) -> None:
        """Moves the bar, unless it has moved just now."""
        super().update(images, logs)
        now = time.perf_counter()
        if now - self._shown >= _MIN_INTERVAL or images == self._images:
            self._shown = now
            self._bar.set_postfix_str(self._text(logs), refresh=False)
            self._bar.update(images - self._bar.n)

    def end(self, logs: dict[str, float]) -> None:
        """Shows the values of the whole epoch and leaves the bar."""
        self._bar.set_postfix_str(self._text(logs), refresh=False)
        self.close()

    def close(self) -> None:
        """Leaves the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
