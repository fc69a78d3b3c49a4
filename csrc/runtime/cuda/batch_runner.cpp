#include "runtime/cuda/batch_runner.h"

#include <algorithm>
#include <variant>

#include "core/overloaded.h"
#include "cuda/error.h"
#include "ops/add.h"
#include "ops/elu.h"
#include "ops/gather.h"
#include "ops/gelu.h"
#include "ops/leaky_relu.h"
#include "ops/relu.h"
#include "ops/sigmoid.h"
#include "ops/softmax.h"
#include "ops/tanh.h"

namespace pycnn::cuda {

void BatchRunner::run(const Instruction& instruction) {
  accumulate_ = instruction.accumulate;
  std::visit([&](const auto& operation) { run(operation); }, instruction.operation);
}

std::int64_t scratch_floats(const Plan& plan, int count) {
  std::int64_t floats = 0;
  const auto want = [&](std::int64_t wanted) { floats = std::max(floats, wanted); };
  for (const Instruction& instruction : plan.program) {
    std::visit(Overloaded{[&](const Conv2dForward& i) { want(conv2d_scratch(i.g, count)); },
                          [&](const Conv2dBackwardInput& i) { want(conv2d_scratch(i.g, count)); },
                          [&](const Conv2dBackwardParams& i) { want(conv2d_scratch(i.g, count)); },
                          [&](const DepthwiseConv2dBackwardParams& i) {
                            want(depthwise_conv2d_scratch(i.g, count));
                          },
                          [&](const DenseForward& i) { want(dense_scratch(i.g, count)); },
                          [&](const DenseBackwardInput& i) { want(dense_scratch(i.g, count)); },
                          [&](const DenseBackwardParams& i) { want(dense_scratch(i.g, count)); },
                          [](const auto&) {}},
               instruction.operation);
  }
  return floats;
}

// ---- operands

View BatchRunner::view(BufferId id) const {
  const Buffer& b = buffer(id);
  std::byte* data = work_.arena + static_cast<std::int64_t>(b.offset) * work_.blocks;
  return {reinterpret_cast<float*>(data), count_, b.height, b.width, b.channels};
}

ConstView BatchRunner::const_view(BufferId id) const {
  const View v = view(id);
  return {v.data, v.batch, v.height, v.width, v.channels};
}

std::uint8_t* BatchRunner::bytes(BufferId id) const {
  return reinterpret_cast<std::uint8_t*>(floats(id));
}

// What has so many places per image: for kernels that ask for no more than a shape.
ConstView BatchRunner::shape(std::int64_t positions, int channels) const {
  return {nullptr, count_, static_cast<int>(positions), 1, channels};
}

// ---- to and from the arrays outside

Rows BatchRunner::rows(pycnn::Stream stream, int index) const {
  const std::vector<const Tensor*>* lists[] = {&batch_.inputs, &batch_.targets,
                                               &batch_.output_gradients};
  std::size_t at = 0, list = 0;
  for (; list < static_cast<std::size_t>(stream); ++list) at += lists[list]->size();
  const auto i = static_cast<std::size_t>(index);
  return {work_.step, work_.data + at + i, (*lists[list])[i]->dtype()};
}

void BatchRunner::run(const GatherRows& i) {
  gather(rows(i.stream, i.index), i.scale, i.offset, view(i.y), stream_);
}

void BatchRunner::run(const AugmentGather& i) {
  augment_gather(i.g, {i.node, i.training, work_.step}, rows(pycnn::Stream::input, i.index),
                 i.before, i.after, view(i.y), stream_);
}

void BatchRunner::run(const ScatterRows& i) {
  const auto& tensors = i.stream == pycnn::Stream::output ? batch_.outputs : batch_.input_gradients;
  Tensor& to = *tensors[static_cast<std::size_t>(i.index)];
  const ConstView x = const_view(i.x);
  const std::int64_t row = x.size() / count_;
  check(cudaMemcpyAsync(to.data<float>() + batch_.first * row, x.data,
                        static_cast<std::size_t>(x.size()) * sizeof(float), cudaMemcpyDeviceToHost,
                        stream_),
        "copying results from the GPU");
}

// ---- one overload for each instruction

void BatchRunner::run(const Conv2dForward& i) {
  conv2d_forward(i.g, const_view(i.x), weight(i.kernel), weight(i.bias), i.relu, view(i.y),
                 work_.scratch, work_.precision, stream_);
}

void BatchRunner::run(const Conv2dBackwardInput& i) {
  conv2d_backward_input(i.g, const_view(i.dz), weight(i.kernel), view(i.dx), work_.scratch,
                        work_.precision, stream_);
}

void BatchRunner::run(const Conv2dBackwardParams& i) {
  conv2d_backward_params(i.g, const_view(i.x), const_view(i.dz), accumulate_, gradient(i.kernel),
                         gradient(i.bias), work_.scratch, work_.precision, stream_);
}

void BatchRunner::run(const DepthwiseConv2dForward& i) {
  depthwise_conv2d_forward(i.g, const_view(i.x), weight(i.kernel), weight(i.bias), i.relu,
                           view(i.y), stream_);
}

void BatchRunner::run(const DepthwiseConv2dBackwardInput& i) {
  depthwise_conv2d_backward_input(i.g, const_view(i.dz), weight(i.kernel), view(i.dx), stream_);
}

void BatchRunner::run(const DepthwiseConv2dBackwardParams& i) {
  depthwise_conv2d_backward_params(i.g, const_view(i.x), const_view(i.dz), accumulate_,
                                   gradient(i.kernel), gradient(i.bias), work_.scratch, stream_);
}

void BatchRunner::run(const MaxPool2dForward& i) {
  max_pool2d_forward(i.g, const_view(i.x), view(i.y), stream_);
}

void BatchRunner::run(const MaxPool2dBackward& i) {
  max_pool2d_backward(i.g, const_view(i.dy), const_view(i.x), const_view(i.y), view(i.dx), stream_);
}

void BatchRunner::run(const AvgPool2dForward& i) {
  avg_pool2d_forward(i.g, const_view(i.x), view(i.y), stream_);
}

void BatchRunner::run(const AvgPool2dBackward& i) {
  avg_pool2d_backward(i.g, const_view(i.dy), view(i.dx), stream_);
}

void BatchRunner::run(const DenseForward& i) {
  dense_forward(i.g, count_, floats(i.x), weight(i.kernel), weight(i.bias), i.relu, floats(i.y),
                work_.scratch, work_.precision, stream_);
}

void BatchRunner::run(const DenseBackwardInput& i) {
  dense_backward_input(i.g, count_, floats(i.dz), weight(i.kernel), floats(i.dx), work_.scratch,
                       work_.precision, stream_);
}

void BatchRunner::run(const DenseBackwardParams& i) {
  dense_backward_params(i.g, count_, floats(i.x), floats(i.dz), accumulate_, gradient(i.kernel),
                        gradient(i.bias), work_.scratch, work_.precision, stream_);
}

void BatchRunner::run(const ActivationForward& i) {
  const ConstView x = const_view(i.x);
  const View y = view(i.y);
  switch (i.options.kind) {
    case Activation::relu:
      return relu_forward(x, y, stream_);
    case Activation::sigmoid:
      return sigmoid_forward(x, y, stream_);
    case Activation::tanh:
      return tanh_forward(x, y, stream_);
    case Activation::softmax:
      return softmax_forward(x, y, stream_);
    case Activation::leaky_relu:
      return leaky_relu_forward(i.options.parameter, x, y, stream_);
    case Activation::elu:
      return elu_forward(i.options.parameter, x, y, stream_);
    case Activation::gelu:
      return gelu_forward(x, y, stream_);
    case Activation::gelu_tanh:
      return gelu_forward_tanh(x, y, stream_);
  }
}

void BatchRunner::run(const ActivationBackward& i) {
  const ConstView dy = const_view(i.dy), saved = const_view(i.saved);
  const View dx = view(i.dx);
  switch (i.options.kind) {
    case Activation::relu:
      return relu_backward(dy, saved, dx, stream_);
    case Activation::sigmoid:
      return sigmoid_backward(dy, saved, dx, stream_);
    case Activation::tanh:
      return tanh_backward(dy, saved, dx, stream_);
    case Activation::softmax:
      return softmax_backward(dy, saved, dx, stream_);
    case Activation::leaky_relu:
      return leaky_relu_backward(i.options.parameter, dy, saved, dx, stream_);
    case Activation::elu:
      return elu_backward(i.options.parameter, dy, saved, dx, stream_);
    case Activation::gelu:
      return gelu_backward(dy, saved, dx, stream_);
    case Activation::gelu_tanh:
      return gelu_backward_tanh(dy, saved, dx, stream_);
  }
}

void BatchRunner::run(const Add& i) {
  add_forward(const_view(i.a), const_view(i.b), view(i.y), stream_);
}

void BatchRunner::run(const ConcatForward& i) {
  concat_forward(const_view(i.x), i.at, view(i.y), stream_);
}

void BatchRunner::run(const ConcatBackward& i) {
  concat_backward(const_view(i.dy), i.at, view(i.dx), stream_);
}

void BatchRunner::run(const BatchNormStatistics& i) {
  batch_norm_statistics(const_view(i.x), floats(i.partial), stream_);
}

void BatchRunner::run(const BatchNormCombine& i) {
  batch_norm_combine(i.options, shape(i.positions, i.channels), floats(i.partial),
                     floats(i.statistics), weights_.moved(i.moving_mean),
                     weights_.moved(i.moving_variance), stream_);
}

void BatchRunner::run(const BatchNormForward& i) {
  batch_norm_forward(const_view(i.x), floats(i.statistics), weight(i.gamma), weight(i.beta),
                     view(i.y), stream_);
}

void BatchRunner::run(const BatchNormMoving& i) {
  batch_norm_moving(i.options, i.channels, weight(i.moving_mean), weight(i.moving_variance),
                    floats(i.statistics), stream_);
}

void BatchRunner::run(const BatchNormBackwardSums& i) {
  batch_norm_backward_sums(const_view(i.dy), const_view(i.x), floats(i.statistics),
                           floats(i.partial), stream_);
}

void BatchRunner::run(const BatchNormBackwardCombine& i) {
  batch_norm_backward_combine(shape(i.positions, i.channels), floats(i.partial), floats(i.means),
                              accumulate_, gradient(i.gamma), gradient(i.beta), stream_);
}

void BatchRunner::run(const BatchNormBackwardInput& i) {
  batch_norm_backward_input(const_view(i.dy), const_view(i.x), floats(i.statistics),
                            weight(i.gamma), i.means < 0 ? nullptr : floats(i.means), view(i.dx),
                            stream_);
}

void BatchRunner::run(const GlobalAvgPool2dForward& i) {
  global_avg_pool2d_forward(const_view(i.x), view(i.y), stream_);
}

void BatchRunner::run(const GlobalAvgPool2dBackward& i) {
  global_avg_pool2d_backward(const_view(i.dy), view(i.dx), stream_);
}

void BatchRunner::run(const GlobalMaxPool2dForward& i) {
  global_max_pool2d_forward(const_view(i.x), view(i.y), stream_);
}

void BatchRunner::run(const GlobalMaxPool2dBackward& i) {
  global_max_pool2d_backward(const_view(i.dy), const_view(i.x), const_view(i.y), view(i.dx),
                             stream_);
}

void BatchRunner::run(const ZeroPad2dForward& i) {
  zero_pad2d_forward(i.top, i.left, const_view(i.x), view(i.y), stream_);
}

void BatchRunner::run(const ZeroPad2dBackward& i) {
  zero_pad2d_backward(i.top, i.left, const_view(i.dy), view(i.dx), stream_);
}

void BatchRunner::run(const Permute& i) {
  permute_forward(i.g, const_view(i.x), view(i.y), stream_);
}

void BatchRunner::run(const LocalResponseNormForward& i) {
  local_response_norm_forward(i.g, const_view(i.x), view(i.y), stream_);
}

void BatchRunner::run(const LocalResponseNormBackward& i) {
  local_response_norm_backward(i.g, const_view(i.dy), const_view(i.x), view(i.dx), stream_);
}

void BatchRunner::run(const DropoutForward& i) {
  dropout_forward(i.options, i.node, work_.step, const_view(i.x), view(i.y), bytes(i.mask),
                  stream_);
}

void BatchRunner::run(const DropoutBackward& i) {
  dropout_backward(i.options, const_view(i.dy), bytes(i.mask), view(i.dx), stream_);
}

void BatchRunner::run(const AugmentForward& i) {
  augment_forward(i.g, {i.node, i.training, work_.step}, const_view(i.x), view(i.y), stream_);
}

void BatchRunner::run(const AugmentBackward& i) {
  augment_backward(i.g, {i.node, i.training, work_.step}, const_view(i.dy), view(i.dx), stream_);
}

void BatchRunner::run(const Rescale& i) {
  rescale_forward(i.scale, i.offset, const_view(i.x), view(i.y), stream_);
}

void BatchRunner::run(const LossStep& i) {
  Targets targets{{work_.step, nullptr, DType::int64}, nullptr};
  if (i.rows >= 0) {
    targets.rows = floats(i.rows);
  } else {
    targets.labels = rows(pycnn::Stream::target, i.index);
  }
  const std::int64_t at = std::int64_t{i.index} * count_;
  loss(i.kind, const_view(i.z), targets, i.weight / static_cast<float>(count_), work_.losses + at,
       work_.ranks + at, i.dz >= 0 ? view(i.dz) : View{}, work_.step, stream_);
}

}  // namespace pycnn::cuda
