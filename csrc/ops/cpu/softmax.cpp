#include "ops/softmax.h"

#include "ops/cpu/math.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// One position: `n` channels, lanes of one group.
void forward_position(const float* x, float* y, int n) {
  V largest = load(x);
  for (int c = 1; c < n; ++c) largest = max(largest, load(x + c * kLanes));
  V sum{};
  for (int c = 0; c < n; ++c) {
    const V e = exp(load(x + c * kLanes) - largest);
    store(y + c * kLanes, e);
    sum += e;
  }
  for (int c = 0; c < n; ++c) store(y + c * kLanes, load(y + c * kLanes) / sum);
}

void backward_position(const float* dy, const float* y, float* dx, int n) {
  V dot{};
  for (int c = 0; c < n; ++c) dot += load(dy + c * kLanes) * load(y + c * kLanes);
  for (int c = 0; c < n; ++c) {
    store(dx + c * kLanes, load(y + c * kLanes) * (load(dy + c * kLanes) - dot));
  }
}

void forward(ConstView x, View y) {
  for (int h = 0; h < y.height; ++h) {
    for (int w = 0; w < y.width; ++w) {
      for (int lane = 0; lane < kLanes; lane += W) {
        forward_position(x.at(h, w) + lane, y.at(h, w) + lane, y.channels);
      }
    }
  }
}

void backward(ConstView dy, ConstView y, View dx) {
  for (int h = 0; h < dx.height; ++h) {
    for (int w = 0; w < dx.width; ++w) {
      for (int lane = 0; lane < kLanes; lane += W) {
        backward_position(dy.at(h, w) + lane, y.at(h, w) + lane, dx.at(h, w) + lane, dx.channels);
      }
    }
  }
}

}  // namespace

extern const SoftmaxKernels softmax_kernels;
const SoftmaxKernels softmax_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
