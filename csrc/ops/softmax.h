#pragma once
// Softmax over the channels: y_j = exp(x_j - m) / sum_k exp(x_k - m) with m = max x;
// backward dx_j = y_j (dy_j - sum_k dy_k y_k).

#include "ops/cpu/block.h"
#include "ops/cpu/channels.h"
#include "ops/cuda/view.h"

namespace pycnn::cpu {

struct SoftmaxKernels {
  void (*forward)(ConstView x, View y);
  void (*backward)(ConstView dy, ConstView y, View dx);
};

// The same for image n of a batch with the channels in the lanes.
struct SoftmaxChannelKernels {
  void (*forward)(ConstChannelView x, int n, ChannelView y);
  void (*backward)(ConstChannelView dy, ConstChannelView y, int n, ChannelView dx);
};

}  // namespace pycnn::cpu

namespace pycnn::cuda {

void softmax_forward(ConstView x, View y, Stream stream);
void softmax_backward(ConstView dy, ConstView y, View dx, Stream stream);

}  // namespace pycnn::cuda
