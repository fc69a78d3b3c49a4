"""What `compile` settles: optimizer, losses, metrics, callbacks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pycnn import _core, losses, metrics, optimizers
from pycnn._checks import finite_float
from pycnn._structure import check_known
from pycnn.callbacks import Callback, checked_callbacks

_WHERE = "[compile] "


class Counts(Protocol):
    """What has been counted over some images: the core's Totals, or sums of several."""

    @property
    def images(self) -> int:
        """Number of images."""

    @property
    def loss(self) -> float:
        """Mean over the images of what is minimised."""

    @property
    def output_losses(self) -> Sequence[float]:
        """Mean loss of each output, without its weight."""

    @property
    def hits(self) -> Sequence[int]:
        """Images whose label is among the k likeliest classes: per output, per k of `top_k`."""


@dataclass(frozen=True)
class CompiledOutput:
    """What one output is trained for and measured by."""

    name: str
    loss: losses.Loss | None
    weight: float
    metrics: tuple[metrics.Metric, ...]

    @property
    def top_k(self) -> list[int]:
        """The k of every top-k that the core is to count."""
        return sorted({metric.k for metric in self.metrics})

    def native(self) -> _core.OutputOptions:
        """Returns it in the core's words."""
        assert self.loss is not None
        return _core.OutputOptions(
            self.loss.kind,
            from_logits=self.loss.from_logits,
            weight=self.weight,
            top_k=self.top_k,
        )


@dataclass(frozen=True)
class Compiled:
    """How a model is trained and measured."""

    optimizer: optimizers.Optimizer
    outputs: tuple[CompiledOutput, ...]
    callbacks: tuple[Callback, ...]

    @classmethod
    def of(
        cls,
        optimizer: Any,
        loss: Any,
        metric_lists: Any,
        callback_list: Any,
        loss_weights: Any = None,
        *,
        outputs: Sequence[str] = ("output",),
    ) -> "Compiled":
        """Looks up names and checks that losses and metrics go together.

        Args:
            optimizer: name or object.
            loss: one for all outputs, a list or a dict by output.
            metric_lists: a list for the only output; a list of lists or a dict by output.
            callback_list: callbacks of every fit.
            loss_weights: a list or a dict by output.
            outputs: the names of the model's outputs.

        Raises:
            ValueError: an unknown name; an output that does not exist or has no loss where others
                have; a metric twice or for labels that the loss does not take.
            TypeError: neither a name nor an object of the kind.
        """
        one_loss = not isinstance(loss, (list, tuple, dict))
        chosen = [loss] * len(outputs) if one_loss else _per_output(loss, outputs, "loss")
        settled = tuple(
            _output(name, *parts)
            for name, *parts in zip(
                outputs,
                chosen,
                _weights(loss_weights, outputs),
                _metrics(metric_lists, outputs),
                strict=True,
            )
        )
        without = [output.name for output in settled if output.loss is None]
        if without and len(without) < len(settled):
            raise ValueError(f"{_WHERE}output {without[0]!r} has no loss; every output needs one")
        compiled = cls(optimizers.get(optimizer), settled, checked_callbacks(callback_list))
        names = ["loss", *compiled._log_names()]
        if len(set(names)) != len(names):
            raise ValueError(f"metrics must have names of their own; received {names[1:]}")
        both = sorted(set(names) & {f"val_{name}" for name in names})
        if both:
            raise ValueError(
                f"{_WHERE}{both[0]!r} would be a name in the logs of training and, for "
                f"{both[0].removeprefix('val_')!r}, of validation; give the output or metric "
                "another name"
            )
        return compiled

    @property
    def has_loss(self) -> bool:
        """Whether the model can be trained and evaluated."""
        return self.outputs[0].loss is not None

    def apply(self, network: _core.Network) -> None:
        """Compiles the native network; without a loss there is nothing to compile."""
        if self.has_loss:
            network.compile(
                outputs=[output.native() for output in self.outputs],
                optimizer=self.optimizer.native(),
            )

    def logs(self, totals: Counts) -> dict[str, float]:
        """Returns loss and metrics by name from what the core has counted.

        Of several outputs each loss comes behind the total, as ``<output>_loss``, and the metrics
        are called ``<output>_<metric>``.
        """
        values = [] if len(self.outputs) == 1 else list(totals.output_losses)
        hits = iter(totals.hits)
        for output in self.outputs:
            shares = {k: next(hits) / max(totals.images, 1) for k in output.top_k}
            values += [shares[metric.k] for metric in output.metrics]
        return {"loss": totals.loss} | dict(zip(self._log_names(), values, strict=True))

    def _log_names(self) -> list[str]:
        if len(self.outputs) == 1:
            return [metric.name for metric in self.outputs[0].metrics]
        return [f"{output.name}_loss" for output in self.outputs] + [
            f"{output.name}_{metric.name}" for output in self.outputs for metric in output.metrics
        ]

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs, JSON-able; the callbacks are left out."""
        return {
            "optimizer": optimizers.serialize(self.optimizer),
            "outputs": [
                {
                    "name": output.name,
                    "loss": output.loss and [output.loss.kind, output.loss.get_config()],
                    "weight": output.weight,
                    "metrics": [
                        [type(metric).__name__, metric.get_config()] for metric in output.metrics
                    ],
                }
                for output in self.outputs
            ],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Compiled":
        """Makes one from what `get_config` gave."""
        entries = config["outputs"]
        return cls.of(
            optimizers.deserialize(config["optimizer"]),
            [entry["loss"] and losses.from_config(*entry["loss"]) for entry in entries],
            [[metrics.from_config(*item) for item in entry["metrics"]] for entry in entries],
            None,
            [entry["weight"] for entry in entries],
            outputs=[entry["name"] for entry in entries],
        )


def _output(name: str, loss: Any, weight: float, chosen: Any) -> CompiledOutput:
    found = None if loss is None else losses.get(loss)
    measured = tuple(metrics.get(item) for item in _listed(chosen))
    if found is not None:
        for metric in measured:
            metric.check_loss(found.kind)
    return CompiledOutput(name, found, weight, measured)


def _metrics(value: Any, outputs: Sequence[str]) -> list[Any]:
    if value is None:
        return [None] * len(outputs)
    if isinstance(value, dict):
        return _per_output(value, outputs, "metrics")
    items = _listed(value)
    nested = any(item is None or isinstance(item, (list, tuple)) for item in items)
    if len(outputs) == 1 and not nested:
        return [items]
    if not nested:
        raise ValueError(
            f"{_WHERE}metrics of several outputs must be a list of lists or a dict by output; "
            f"received {value!r}"
        )
    return _per_output(items, outputs, "metrics")


def _weights(value: Any, outputs: Sequence[str]) -> list[float]:
    given = [None] * len(outputs) if value is None else _per_output(value, outputs, "loss_weights")
    return [
        1.0 if item is None else finite_float(item, f"loss weight of {name!r}", _WHERE)
        for name, item in zip(outputs, given, strict=True)
    ]


def _per_output(value: Any, outputs: Sequence[str], what: str) -> list[Any]:
    """Returns one entry for each output, from a list or a dict; None where a dict has none."""
    if isinstance(value, dict):
        for name in value:
            check_known(name, outputs, what, _WHERE)
        return [value.get(name) for name in outputs]
    if not isinstance(value, (list, tuple)):
        raise TypeError(
            f"{_WHERE}{what} must be given as a list or a dict by output; received {value!r}"
        )
    if len(value) != len(outputs):
        raise ValueError(
            f"{_WHERE}{what} must have one entry for each of the {len(outputs)} outputs "
            f"({', '.join(outputs)}); received {len(value)}"
        )
    return list(value)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, Iterable) and not isinstance(value, str):
        return list(value)
    return [value]
