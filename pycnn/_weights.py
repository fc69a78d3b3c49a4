"""Weights that several models hold: the one that changed them last has their newest values.

A model has a network of its own. Before each use of it, and in `fit` before each run of steps, it
takes the newest values of its layers from the networks of other models; when it has changed them,
its own are the newest.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycnn import _core
from pycnn._arrays import Array

if TYPE_CHECKING:
    from pycnn.layers.base import Layer

_versions = itertools.count(1)


class Store:
    """A network and how often its weights have changed."""

    def __init__(self, network: _core.Network) -> None:
        self.network = network
        self.version = next(_versions)


@dataclass(frozen=True)
class Held:
    """Where a layer's weights are found: a network and their places in it."""

    store: Store
    places: tuple[int, ...]

    def value(self, index: int) -> Array:
        """Returns a copy of one weight of the layer."""
        return self.store.network.get_parameter(self.places[index]).numpy()

    def values(self) -> list[Array]:
        """Returns copies of all weights of the layer."""
        return [self.value(index) for index in range(len(self.places))]

    def set(self, arrays: Sequence[Array]) -> None:
        """Changes all weights of the layer; the arrays have their shapes."""
        for place, array in zip(self.places, arrays, strict=True):
            self.store.network.set_parameter(place, _core.Tensor(array))
        self.store.version = next(_versions)


class LayerWeights:
    """The layers of one model and the places of their weights in its network.

    Args:
        store: the model's network.
        places: of each layer's weights.
    """

    def __init__(self, store: Store, places: Mapping["Layer", Sequence[int]]) -> None:
        self.store = store
        self._own = {
            layer: Held(store, tuple(indices)) for layer, indices in places.items() if indices
        }
        self._seen: dict[Layer, int] = {}  # version of the values that were taken last

    def ready(self) -> _core.Network:
        """Returns the network, with the values of layers that other models have changed since."""
        for layer, own in self._own.items():
            held = layer._held
            if held is None:
                layer._held = own
            elif held.store is not self.store:
                self._take(layer, held, own)
        return self.store.network

    @contextmanager
    def changing(self) -> Iterator[_core.Network]:
        """Lends the network to something that changes its weights."""
        network = self.ready()
        self.changed()  # whoever wants the values meanwhile must ask this network
        try:
            yield network
        finally:
            self.changed()

    def changed(self) -> None:
        """This model's values are the newest from now on."""
        self.store.version = next(_versions)
        for layer, own in self._own.items():
            layer._held = own

    def forget(self) -> None:
        """The network goes away, and with it the values that it has."""
        for layer, own in self._own.items():
            if layer._held is own:
                layer._held = None

    def _take(self, layer: "Layer", held: Held, own: Held) -> None:
        version = held.store.version
        if self._seen.get(layer) == version:
            return
        try:
            values = [held.store.network.get_parameter(source) for source in held.places]
        except _core.BusyError:
            raise RuntimeError(
                f"{layer._where}has its newest weights in another model, which is at work in "
                "another thread (or in the call that called here)"
            ) from None
        for place, value in zip(own.places, values, strict=True):
            self.store.network.set_parameter(place, value)
        self._seen[layer] = version
