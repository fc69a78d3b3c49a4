"""What `compile` settles: optimizer, loss, metrics, callbacks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pycnn import _core, losses, metrics, optimizers
from pycnn.callbacks import Callback, checked_callbacks


class Counts(Protocol):
    """What has been counted over some images: the core's Totals, or sums of several."""

    @property
    def images(self) -> int:
        """Number of images."""

    @property
    def loss(self) -> float:
        """Mean over the images."""

    @property
    def hits(self) -> Sequence[int]:
        """Images whose label is among the k likeliest classes, for each k of `top_k`."""


@dataclass(frozen=True)
class Compiled:
    """How a model is trained and measured."""

    optimizer: optimizers.Optimizer
    loss: losses.Loss | None
    metrics: tuple[metrics.Metric, ...]
    callbacks: tuple[Callback, ...]

    @classmethod
    def of(cls, optimizer: Any, loss: Any, metric_list: Any, callback_list: Any) -> "Compiled":
        """Looks up names and checks that loss and metrics go together.

        Raises:
            ValueError: an unknown name; a metric twice or for labels that the loss does not take.
            TypeError: neither a name nor an object of the kind.
        """
        chosen_loss = None if loss is None else losses.get(loss)
        chosen = tuple(metrics.get(item) for item in _listed(metric_list))
        names = [metric.name for metric in chosen]
        if len(set(names)) != len(names) or "loss" in names:
            raise ValueError(f"metrics must have names of their own; received {names}")
        if chosen_loss is not None:
            for metric in chosen:
                metric.check_loss(chosen_loss.kind)
        return cls(optimizers.get(optimizer), chosen_loss, chosen, checked_callbacks(callback_list))

    @property
    def top_k(self) -> list[int]:
        """The k of every top-k that the core is to count."""
        return sorted({metric.k for metric in self.metrics})

    def apply(self, network: _core.Network) -> None:
        """Compiles the native network; without a loss there is nothing to compile."""
        if self.loss is not None:
            network.compile(
                outputs=[
                    _core.OutputOptions(
                        self.loss.kind, from_logits=self.loss.from_logits, top_k=self.top_k
                    )
                ],
                optimizer=self.optimizer.native(),
            )

    def logs(self, totals: Counts) -> dict[str, float]:
        """Returns loss and metrics by name from what the core has counted."""
        shares = dict(zip(self.top_k, totals.hits, strict=True))
        return {"loss": totals.loss} | {
            metric.name: shares[metric.k] / max(totals.images, 1) for metric in self.metrics
        }

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs, JSON-able; the callbacks are left out."""
        return {
            "optimizer": optimizers.serialize(self.optimizer),
            "loss": self.loss and [self.loss.kind, self.loss.get_config()],
            "metrics": [[type(metric).__name__, metric.get_config()] for metric in self.metrics],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Compiled":
        """Makes one from what `get_config` gave."""
        loss = config["loss"]
        return cls.of(
            optimizers.deserialize(config["optimizer"]),
            loss and losses.from_config(*loss),
            [metrics.from_config(*item) for item in config["metrics"]],
            None,
        )


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, Iterable) and not isinstance(value, str):
        return list(value)
    return [value]
