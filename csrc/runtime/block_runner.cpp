#include "runtime/block_runner.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "ops/cpu/conv2d_columns.h"

namespace pycnn {

using cpu::ConstView;
using cpu::kLanes;
using cpu::View;

BlockRunner::BlockRunner(const cpu::Kernels& kernels, const Plan& plan,
                         const ParameterStore& parameters, const Batch& batch)
    : plan_(plan), parameters_(parameters), batch_(batch), kernels_(kernels) {}

void BlockRunner::clear_halos(const Instruction& instruction, const Block& block) const {
  for (BufferId id : instruction.writes) {
    if (buffer(id).has_halo()) clear_halo(block, id);
  }
}

void BlockRunner::run(const Instruction& instruction, const Block& block) const {
  clear_halos(instruction, block);
  Block at = block;
  at.accumulate |= instruction.accumulate;
  std::visit([&](const auto& operation) { run(operation, at); }, instruction.operation);
}

// ---- operands

View BlockRunner::view(const Block& block, BufferId id) const {
  const Buffer& b = buffer(id);
  float* data = reinterpret_cast<float*>(block.arena + b.offset);
  return {data + b.interior(), b.row(), b.height, b.width, b.vectors()};
}

ConstView BlockRunner::const_view(const Block& block, BufferId id) const {
  return cpu::as_const(view(block, id));
}

std::uint8_t* BlockRunner::bytes(const Block& block, BufferId id) const {
  return reinterpret_cast<std::uint8_t*>(block.arena + buffer(id).offset);
}

float* BlockRunner::gradient(const Block& block, ParameterId id) const {
  return id < 0 ? nullptr : block.gradients + parameters_.offset(id);
}

void BlockRunner::clear_halo(const Block& block, BufferId id) const {
  const Buffer& b = buffer(id);
  const std::int64_t row = b.row();
  float* data = reinterpret_cast<float*>(block.arena + b.offset);
  const std::int64_t left = b.halo.left * b.pixel();
  const std::int64_t right = b.halo.right * b.pixel();
  float* first = data + b.halo.top * row;
  float* end = first + b.height * row;
  std::fill(data, first, 0.0f);
  for (float* r = first; r != end; r += row) {
    std::fill(r, r + left, 0.0f);
    std::fill(r + row - right, r + row, 0.0f);
  }
  std::fill(end, end + b.halo.bottom * row, 0.0f);
}

// ---- to and from NHWC

namespace {

template <typename T>
void row_pointers(T* base, std::int64_t row_size, const Batch& batch, const Block& b,
                  T** pointers) {
  for (int l = 0; l < b.count; ++l) pointers[l] = base + batch.row(b.first + l) * row_size;
}

std::int64_t row_size(const Tensor& t) { return t.size() / t.shape()[0]; }

}  // namespace

void BlockRunner::run(const GatherRows& i, const Block& b) const {
  const auto& tensors = i.stream == Stream::input    ? batch_.inputs
                        : i.stream == Stream::target ? batch_.targets
                                                     : batch_.output_gradients;
  const Tensor& from = *tensors[static_cast<std::size_t>(i.index)];
  const View y = view(b, i.y);
  if (from.dtype() == DType::uint8) {
    const std::uint8_t* rows[kLanes];
    row_pointers(from.data<std::uint8_t>(), row_size(from), batch_, b, rows);
    kernels_.gather->from_uint8(rows, b.count, i.scale, i.offset, y);
  } else {
    const float* rows[kLanes];
    row_pointers(from.data<float>(), row_size(from), batch_, b, rows);
    kernels_.gather->from_float(rows, b.count, i.scale, i.offset, y);
  }
}

template <typename Augment>
BlockRunner::AugmentMaps BlockRunner::augment_maps(const Augment& i, const Block& b) const {
  AugmentMaps maps;
  const std::uint64_t stream = augment_stream(i.node, batch_.step);
  for (int l = 0; l < b.count; ++l) {
    maps[static_cast<std::size_t>(l)] =
        i.training ? random_augment_map(i.g, batch_.seed, stream, b.first + l)
                   : central_augment_map(i.g);
  }
  return maps;
}

void BlockRunner::run(const AugmentGather& i, const Block& b) const {
  const Tensor& from = *batch_.inputs[static_cast<std::size_t>(i.index)];
  const AugmentMaps maps = augment_maps(i, b);
  const View y = view(b, i.y);
  if (from.dtype() == DType::uint8) {
    const std::uint8_t* rows[kLanes];
    row_pointers(from.data<std::uint8_t>(), row_size(from), batch_, b, rows);
    kernels_.augment->from_uint8(i.g, maps.data(), rows, b.count, i.before, i.after, y);
  } else {
    const float* rows[kLanes];
    row_pointers(from.data<float>(), row_size(from), batch_, b, rows);
    kernels_.augment->from_float(i.g, maps.data(), rows, b.count, i.before, i.after, y);
  }
}

void BlockRunner::run(const ScatterRows& i, const Block& b) const {
  const auto& tensors = i.stream == Stream::output ? batch_.outputs : batch_.input_gradients;
  Tensor& to = *tensors[static_cast<std::size_t>(i.index)];
  float* rows[kLanes];
  row_pointers(to.data<float>(), row_size(to), batch_, b, rows);
  kernels_.gather->to_float(const_view(b, i.x), b.count, rows);
}

void BlockRunner::run(const KeepRows& i, const Block& b) const {
  float* rows[kLanes];
  for (int l = 0; l < b.count; ++l) {
    std::byte* image = b.kept + static_cast<std::size_t>(l) * b.kept_stride;
    rows[l] = reinterpret_cast<float*>(image + buffer(i.y).offset);
  }
  kernels_.gather->to_float(const_view(b, i.x), b.count, rows);
}

void BlockRunner::load(const Block& block, BufferId to, const float* images) const {
  const View y = view(block, to);
  const float* rows[kLanes];
  for (int l = 0; l < block.count; ++l) {
    rows[l] = images + l * (std::int64_t{y.height} * y.width * y.channels);
  }
  if (buffer(to).has_halo()) clear_halo(block, to);
  kernels_.gather->from_float(rows, block.count, 1.0f, 0.0f, y);
}

void BlockRunner::save(const Block& block, BufferId from, float* images) const {
  const ConstView x = const_view(block, from);
  float* rows[kLanes];
  for (int l = 0; l < block.count; ++l) {
    rows[l] = images + l * (std::int64_t{x.height} * x.width * x.channels);
  }
  kernels_.gather->to_float(x, block.count, rows);
}

bool BlockRunner::is_finite(const Block& block, BufferId id) const {
  const Buffer& b = buffer(id);
  if (b.element_size != 4 || !b.per_image || b.kept) return true;  // kept rows are copies
  // With the images in the lanes, the numbers of those that exist follow each channel; else the
  // channels follow each pixel.
  const bool images = b.lanes == Lanes::images;
  const std::int64_t runs = std::int64_t{b.width} * (images ? b.channels : 1);
  const std::int64_t step = images ? kLanes : b.pixel();
  const auto finite = [](float x) { return std::isfinite(x); };
  const float* row = view(block, id).data;
  for (int h = 0; h < b.height; ++h, row += b.row()) {
    for (std::int64_t i = 0; i < runs; ++i) {
      const float* run = row + i * step;
      if (!std::all_of(run, run + (images ? block.count : b.channels), finite)) return false;
    }
  }
  return true;
}

// ---- one overload for each instruction

void BlockRunner::run(const Conv2dForward& i, const Block& b) const {
  kernels_.conv2d->forward(i.g, const_view(b, i.x), weight(i.kernel), weight(i.bias), i.relu,
                           view(b, i.y));
}

void BlockRunner::run(const Conv2dPoolForward& i, const Block& b) const {
  if (i.scratch >= 0) {
    std::uint8_t* code = i.code < 0 ? nullptr : bytes(b, i.code);
    kernels_.conv2d->forward_pool_winograd(i.g, const_view(b, i.x), weight(i.kernel),
                                           weight(i.bias), i.relu, floats(b, i.scratch),
                                           view(b, i.y), code);
    return;
  }
  kernels_.conv2d->forward_pool(i.g, const_view(b, i.x), weight(i.kernel), weight(i.bias), i.relu,
                                view(b, i.y), bytes(b, i.code));
}

void BlockRunner::run(const Conv2dPoolBackward& i, const Block& b) const {
  kernels_.conv2d->backward_pool(const_view(b, i.dy), bytes(b, i.code), view(b, i.dz));
}

void BlockRunner::run(const Conv2dPoolBackwardInput& i, const Block& b) const {
  kernels_.conv2d->pool_backward_input(i.g, const_view(b, i.dy), bytes(b, i.code), weight(i.kernel),
                                       floats(b, i.scratch), view(b, i.dx));
}

void BlockRunner::run(const Conv2dPoolBackwardParams& i, const Block& b) const {
  const cpu::Conv2dKernels& kernels = *kernels_.conv2d;
  const ConstView x = const_view(b, i.x), dy = const_view(b, i.dy);
  const std::uint8_t* code = bytes(b, i.code);
  float *dkernel = gradient(b, i.kernel), *dbias = gradient(b, i.bias);
  if (i.scratch < 0) {
    kernels.pool_select_params(i.g, x, dy, code, b.accumulate, dkernel, dbias);
    return;
  }
  const auto pass =
      cpu::has_short_runs(i.g) ? kernels.pool_rows_params : kernels.pool_backward_params;
  pass(i.g, x, dy, code, b.accumulate, floats(b, i.scratch), dkernel, dbias);
}

void BlockRunner::run(const Conv2dBackwardInput& i, const Block& b) const {
  kernels_.conv2d->backward_input(i.g, const_view(b, i.dz), weight(i.kernel), view(b, i.dx));
}

void BlockRunner::run(const Conv2dBackwardParams& i, const Block& b) const {
  kernels_.conv2d->backward_params(i.g, const_view(b, i.x), const_view(b, i.dz), b.accumulate,
                                   gradient(b, i.kernel), gradient(b, i.bias));
}

void BlockRunner::run(const DepthwiseConv2dForward& i, const Block& b) const {
  kernels_.depthwise_conv2d->forward(i.g, const_view(b, i.x), weight(i.kernel), weight(i.bias),
                                     i.relu, view(b, i.y));
}

void BlockRunner::run(const DepthwiseConv2dBackwardInput& i, const Block& b) const {
  kernels_.depthwise_conv2d->backward_input(i.g, const_view(b, i.dz), weight(i.kernel),
                                            view(b, i.dx));
}

void BlockRunner::run(const DepthwiseConv2dBackwardParams& i, const Block& b) const {
  kernels_.depthwise_conv2d->backward_params(i.g, const_view(b, i.x), const_view(b, i.dz),
                                             b.accumulate, gradient(b, i.kernel),
                                             gradient(b, i.bias));
}

void BlockRunner::run(const MaxPool2dForward& i, const Block& b) const {
  kernels_.max_pool2d->forward(i.g, const_view(b, i.x), view(b, i.y));
}

void BlockRunner::run(const MaxPool2dBackward& i, const Block& b) const {
  kernels_.max_pool2d->backward(i.g, const_view(b, i.dy), const_view(b, i.x), const_view(b, i.y),
                                view(b, i.dx));
}

void BlockRunner::run(const AvgPool2dForward& i, const Block& b) const {
  kernels_.avg_pool2d->forward(i.g, const_view(b, i.x), view(b, i.y));
}

void BlockRunner::run(const AvgPool2dBackward& i, const Block& b) const {
  kernels_.avg_pool2d->backward(i.g, const_view(b, i.dy), view(b, i.dx));
}

void BlockRunner::run(const DenseForward& i, const Block& b) const {
  kernels_.dense->forward(i.g, floats(b, i.x), weight(i.kernel), weight(i.bias), i.relu,
                          floats(b, i.y));
}

void BlockRunner::run(const DenseBackwardInput& i, const Block& b) const {
  kernels_.dense->backward_input(i.g, floats(b, i.dz), weight(i.kernel), floats(b, i.dx));
}

void BlockRunner::run(const ActivationForward& i, const Block& b) const {
  const ConstView x = const_view(b, i.x);
  const View y = view(b, i.y);
  switch (i.options.kind) {
    case Activation::relu:
      return kernels_.relu->forward(x, y);
    case Activation::sigmoid:
      return kernels_.sigmoid->forward(x, y);
    case Activation::tanh:
      return kernels_.tanh->forward(x, y);
    case Activation::softmax:
      return kernels_.softmax->forward(x, y);
    case Activation::leaky_relu:
      return kernels_.leaky_relu->forward(i.options.parameter, x, y);
    case Activation::elu:
      return kernels_.elu->forward(i.options.parameter, x, y);
    case Activation::gelu:
      return kernels_.gelu->forward(x, y);
    case Activation::gelu_tanh:
      return kernels_.gelu->forward_tanh(x, y);
  }
}

void BlockRunner::run(const ActivationBackward& i, const Block& b) const {
  const ConstView dy = const_view(b, i.dy), saved = const_view(b, i.saved);
  const View dx = view(b, i.dx);
  switch (i.options.kind) {
    case Activation::relu:
      return kernels_.relu->backward(dy, saved, dx);
    case Activation::sigmoid:
      return kernels_.sigmoid->backward(dy, saved, dx);
    case Activation::tanh:
      return kernels_.tanh->backward(dy, saved, dx);
    case Activation::softmax:
      return kernels_.softmax->backward(dy, saved, dx);
    case Activation::leaky_relu:
      return kernels_.leaky_relu->backward(i.options.parameter, dy, saved, dx);
    case Activation::elu:
      return kernels_.elu->backward(i.options.parameter, dy, saved, dx);
    case Activation::gelu:
      return kernels_.gelu->backward(dy, saved, dx);
    case Activation::gelu_tanh:
      return kernels_.gelu->backward_tanh(dy, saved, dx);
  }
}

void BlockRunner::run(const Add& i, const Block& b) const {
  kernels_.add->forward(const_view(b, i.a), const_view(b, i.b), i.relu, view(b, i.y));
}

void BlockRunner::run(const ConcatForward& i, const Block& b) const {
  kernels_.concat->forward(const_view(b, i.x), i.at, view(b, i.y));
}

void BlockRunner::run(const ConcatBackward& i, const Block& b) const {
  kernels_.concat->backward(const_view(b, i.dy), i.at, view(b, i.dx));
}

BlockRunner::Pairs BlockRunner::pairs(const Block& block, BufferId id) const {
  float* first = floats(block, id);
  return {first, first + std::int64_t{buffer(id).vectors()} * kLanes};
}

void BlockRunner::run(const BatchNormStatistics& i, const Block& b) const {
  const Pairs out = pairs(b, i.partial);
  kernels_.batch_norm->statistics(const_view(b, i.x), b.count, out.first, out.second);
}

void BlockRunner::run(const BatchNormForward& i, const Block& b) const {
  kernels_.batch_norm->forward(normalization(i, b), const_view(b, i.x), view(b, i.y));
}

void set_moving_statistics(const BatchNormMoving& i, const float* mean, const float* variance,
                           const BlockRunner::Pairs& statistics) {
  for (int c = 0; c < i.channels; ++c) {
    statistics.first[c] = mean[c];
    statistics.second[c] = 1.0f / std::sqrt(variance[c] + i.options.epsilon);
  }
}

void BlockRunner::run(const BatchNormMoving& i, const Block& b) const {
  set_moving_statistics(i, weight(i.moving_mean), weight(i.moving_variance),
                        pairs(b, i.statistics));
}

void BlockRunner::run(const BatchNormBackwardSums& i, const Block& b) const {
  const Pairs out = pairs(b, i.partial);
  kernels_.batch_norm->backward_sums(normalization(i, b), const_view(b, i.dy), const_view(b, i.x),
                                     b.count, out.first, out.second);
}

void BlockRunner::run(const BatchNormBackwardInput& i, const Block& b) const {
  const Pairs means = i.means < 0 ? Pairs{nullptr, nullptr} : pairs(b, i.means);
  kernels_.batch_norm->backward_input(normalization(i, b), const_view(b, i.dy), const_view(b, i.x),
                                      means.first, means.second, b.count, view(b, i.dx));
}

void BlockRunner::run(const GlobalAvgPool2dForward& i, const Block& b) const {
  kernels_.global_avg_pool2d->forward(const_view(b, i.x), view(b, i.y));
}

void BlockRunner::run(const GlobalAvgPool2dBackward& i, const Block& b) const {
  kernels_.global_avg_pool2d->backward(const_view(b, i.dy), view(b, i.dx));
}

void BlockRunner::run(const GlobalMaxPool2dForward& i, const Block& b) const {
  kernels_.global_max_pool2d->forward(const_view(b, i.x), view(b, i.y));
}

void BlockRunner::run(const GlobalMaxPool2dBackward& i, const Block& b) const {
  kernels_.global_max_pool2d->backward(const_view(b, i.dy), const_view(b, i.x), const_view(b, i.y),
                                       view(b, i.dx));
}

void BlockRunner::run(const ZeroPad2dForward& i, const Block& b) const {
  kernels_.zero_pad2d->forward(i.top, i.left, const_view(b, i.x), view(b, i.y));
}

void BlockRunner::run(const ZeroPad2dBackward& i, const Block& b) const {
  kernels_.zero_pad2d->backward(i.top, i.left, const_view(b, i.dy), view(b, i.dx));
}

void BlockRunner::run(const Permute& i, const Block& b) const {
  kernels_.permute->forward(i.g, const_view(b, i.x), view(b, i.y));
}

void BlockRunner::run(const LocalResponseNormForward& i, const Block& b) const {
  kernels_.local_response_norm->forward(i.g, const_view(b, i.x), view(b, i.y));
}

void BlockRunner::run(const LocalResponseNormBackward& i, const Block& b) const {
  kernels_.local_response_norm->backward(i.g, const_view(b, i.dy), const_view(b, i.x),
                                         floats(b, i.scratch), view(b, i.dx));
}

void BlockRunner::run(const DropoutForward& i, const Block& b) const {
  const ConstView x = const_view(b, i.x);
  kernels_.dropout->mask(batch_.seed, dropout_stream(i.node, batch_.step), b.first,
                         std::int64_t{x.height} * x.width * x.channels,
                         dropout_threshold(i.options), bytes(b, i.mask));
  kernels_.dropout->apply(bytes(b, i.mask), dropout_scale(i.options), x, view(b, i.y));
}

void BlockRunner::run(const DropoutBackward& i, const Block& b) const {
  kernels_.dropout->apply(bytes(b, i.mask), dropout_scale(i.options), const_view(b, i.dy),
                          view(b, i.dx));
}

void BlockRunner::run(const AugmentForward& i, const Block& b) const {
  kernels_.augment->forward(i.g, augment_maps(i, b).data(), b.count, const_view(b, i.x),
                            view(b, i.y));
}

void BlockRunner::run(const AugmentBackward& i, const Block& b) const {
  kernels_.augment->backward(i.g, augment_maps(i, b).data(), b.count, const_view(b, i.dy),
                             view(b, i.dx));
}

void BlockRunner::run(const Rescale& i, const Block& b) const {
  kernels_.rescale->forward(i.scale, i.offset, const_view(b, i.x), view(b, i.y));
}

void BlockRunner::run(const LossStep& i, const Block& b) const {
  std::int64_t labels[kLanes] = {};
  cpu::Targets targets{nullptr, nullptr};
  if (i.rows >= 0) {
    targets.rows = floats(b, i.rows);
  } else {
    const Tensor& target = *batch_.targets[static_cast<std::size_t>(i.index)];
    const std::int64_t* all = target.data<std::int64_t>();
    for (int l = 0; l < b.count; ++l) labels[l] = all[batch_.row(b.first + l)];
    targets.labels = labels;
  }
  const View z = view(b, i.z);
  const auto function = i.kind == LossKind::softmax_cross_entropy
                            ? kernels_.loss->softmax_cross_entropy
                        : i.kind == LossKind::cross_entropy ? kernels_.loss->cross_entropy
                                                            : kernels_.loss->mean_squared_error;
  function(z.height * z.width * z.channels, z.data, targets, b.count,
           i.weight / static_cast<float>(batch_.count), b.loss + i.index * b.output_stride,
           b.rank + i.index * b.output_stride, i.dz >= 0 ? floats(b, i.dz) : nullptr);
}

}  // namespace pycnn
