"""C++ and Python train the same LeNet-5 to the same bits: `compare_with_python.py PROGRAM`.

PROGRAM is the C++ example, which trains on pictures made by a formula in whole numbers. The same
is done here through the Python API; every loss on the way and every weight must be equal.
"""

import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from pycnn import _core

BATCH, EPOCHS, SEED, PICTURES = 64, 2, 7, 2000


def scramble(numbers):
    numbers = numbers.astype(np.uint32) * np.uint32(2654435761)
    numbers ^= numbers >> np.uint32(15)
    numbers *= np.uint32(2246822519)
    return numbers ^ (numbers >> np.uint32(13))


def make_pictures(count):
    """What examples/cpp/digits.h makes."""
    labels = (scramble(np.arange(count)) % 10).astype(np.int64)
    noise = (scramble(np.arange(count * 784)) % 160).reshape(count, 28, 28)
    bar = np.arange(28) - (2 * labels[:, None] + 4)
    images = noise + 90 * np.isin(bar, (0, 1))[:, :, None]
    return images.astype(np.uint8)[..., None], labels


def lenet5():
    graph = _core.Graph((28, 28, 1))
    value = graph.rescale(graph.input, scale=1 / 255, name="scale")
    for filters, padding in ((6, "same"), (16, "valid")):
        value = graph.conv2d(value, filters=filters, kernel_size=(5, 5), padding=padding)
        value = graph.activation(value, kind="relu")
        value = graph.max_pool2d(value, pool_size=(2, 2), strides=(2, 2))
    value = graph.flatten(value)
    for units, kind in ((120, "relu"), (84, "relu"), (10, "softmax")):
        value = graph.activation(graph.dense(value, units=units), kind=kind)
    return graph, value


def one_cycle(steps):
    warm_up = steps * 3 // 10
    for step in range(steps):
        if step < warm_up:
            share = 0.04 + 0.96 * step / warm_up
        else:
            share = (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up))) / 2
        yield 0.05 * share


def train():
    """Losses after each step, and all weights in one array."""
    graph, output = lenet5()
    network = _core.Network(graph, [output], SEED)
    network.compile(
        outputs=[_core.OutputOptions("sparse_categorical_crossentropy", top_k=[1])],
        optimizer=_core.SGD(momentum=0.9, nesterov=True),
    )
    images, labels = make_pictures(PICTURES)
    data = [_core.Tensor(images)], [_core.Tensor(labels)]
    trainer = _core.Trainer(network, *data, batch_size=BATCH)
    steps = trainer.steps_per_epoch
    rates = np.array(list(one_cycle(EPOCHS * steps)), dtype=np.float32)
    losses = []
    for epoch in range(EPOCHS):
        trainer.start_epoch()
        for step in range(steps):
            at = epoch * steps + step
            losses.append(trainer.run(rates[at : at + 1], 1.0).loss)
    parameters = range(len(graph.parameters))
    return losses, np.concatenate([network.get_parameter(p).numpy().ravel() for p in parameters])


def train_in_cpp(program):
    with tempfile.TemporaryDirectory() as folder:
        losses, weights = Path(folder, "losses"), Path(folder, "weights")
        command = [program, "--epochs", str(EPOCHS), "--seed", str(SEED)]
        subprocess.run([*command, "--losses", losses, "--dump", weights], check=True)
        return [float(line) for line in losses.read_text().split()], weights.read_bytes()


def main(program):
    cpp_losses, cpp_weights = train_in_cpp(program)
    losses, weights = train()
    if len(losses) < 50 or not losses[-1] < losses[0] / 2:
        sys.exit(f"This trained too little to show anything: {len(losses)} steps, {losses[-1]}.")
    if cpp_losses != losses:
        pairs = enumerate(zip(cpp_losses, losses, strict=False))
        first = next((f"step {i}: {a} and {b}" for i, (a, b) in pairs if a != b), "their number")
        sys.exit(f"The losses of C++ and Python differ, first in {first}.")
    if cpp_weights != weights.tobytes():
        sys.exit("The losses agree, the weights differ.")
    print(f"{len(losses)} losses and {weights.size} weights are equal, bit for bit.")


if __name__ == "__main__":
    main(sys.argv[1])
