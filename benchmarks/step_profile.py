"""Where the time of a training step goes, instruction by instruction.

`python benchmarks/step_profile.py lenet5 --batch 16 --threads 1` times every instruction of the
plan for all images of the batch, beside the multiply-add peak. The update of the weights is not in
it.
"""

import argparse

import numpy as np

import pycnn
from pycnn import _core, models

_MODELS = sorted(set(models.__all__) - {"start_from", "inception_module"})

#: What does as many multiply-adds as the layer's forward pass.
_COUNTED = {
    f"{op}{part}"
    for op in ("Conv2d", "DepthwiseConv2d", "Dense")
    for part in ("Forward", "PoolForward", "BackwardInput", "BackwardParams")
}


#: What does a quarter of them: it skips the positions that lost in a 2x2 pooling.
_QUARTERED = {"Conv2dPoolBackwardInput", "Conv2dPoolBackwardParams"}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", nargs="?", default="lenet5", choices=_MODELS)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    pycnn.set_num_threads(options.threads)
    pycnn.set_device("cpu")
    model = getattr(models, options.model)()
    times = profile(model, options.batch, options.seconds)
    peak = _core.measure_peak(0.5)
    print(
        f"{options.model}, batch {options.batch}, {options.threads} threads, {_core.cpu_isa()}, "
        f"peak {peak * 1e-9:.0f} GFLOP/s"
    )
    work = {
        f"[{node.kind} '{node.name}']": 2 * node.multiply_adds * options.batch
        for node in model._built_graph().nodes
    }
    total, total_flops = 0.0, 0.0
    for time in times:
        flops = work.get(time.layer, 0) * _share(time.operation)
        total, total_flops = total + time.seconds, total_flops + flops
        print(f"{_row(time.seconds, flops, peak)}  {time.layer:24} {time.operation}")
    print(f"{_row(total, total_flops, peak)}  {options.batch / total:.0f} images/s")


def profile(model: pycnn.Model, batch: int, seconds: float) -> list[_core.InstructionTime]:
    """Times a step on noise, the output being classes."""
    model.compile("sgd", "sparse_categorical_crossentropy")
    random = np.random.default_rng(0)
    shape, classes = model.input_shape[1:], model.output_shape[-1]
    x = random.integers(0, 256, (batch, *shape), dtype=np.uint8)
    y = random.integers(0, classes, batch)
    network = model._ready_network()
    return network.profile_step([_core.Tensor(x)], [_core.Tensor(y)], seconds)


def _share(operation: str) -> float:
    """Of the forward pass's multiply-adds."""
    return 1.0 if operation in _COUNTED else 0.25 if operation in _QUARTERED else 0.0


def _row(seconds: float, flops: float, peak: float) -> str:
    rate = f"{flops / seconds * 1e-9:5.0f} GFLOP/s {flops / seconds / peak:4.0%}" if flops else ""
    return f"{seconds * 1e6:10.2f} µs {rate:19}"


if __name__ == "__main__":
    main()
