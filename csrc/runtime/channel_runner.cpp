#include "runtime/channel_runner.h"

#include <algorithm>
#include <variant>

#include "core/solo_team.h"

namespace pycnn {

using cpu::ChannelView;
using cpu::kLanes;

ChannelRunner::ChannelRunner(const cpu::Kernels& kernels, const ChannelProgram& program,
                             const ParameterStore& parameters, const Batch& batch,
                             const ChannelMemory& memory)
    : program_(program),
      parameters_(parameters),
      batch_(batch),
      memory_(memory),
      kernels_(kernels),
      by_image_(kernels, program.plan(), parameters, batch),
      in_blocks_(kernels, program.blocks(), parameters, batch) {}

void ChannelRunner::run(std::size_t begin, std::size_t end, Team& team) const {
  const Instruction& first = program_.plan().program[begin];
  switch (program_.deal(begin)) {
    case Deal::images:
      return run_images(begin, end, team);
    case Deal::blocks:
      return run_blocks(first, team);
    case Deal::team:
      return run_team(first, team);
    case Deal::leader:
      return;
  }
}

void ChannelRunner::run_team(const Instruction& instruction, Team& team) const {
  const Share images = share(team, batch_.count);
  for (std::int64_t n = images.begin; n < images.end; ++n) {
    by_image_.clear_halos(instruction, block(n));
  }
  std::visit(
      [&](const auto& i) {
        if constexpr (requires { run(i, team); }) run(i, team);
        if constexpr (requires { run(i, team, true); }) run(i, team, instruction.accumulate);
      },
      instruction.operation);
}

// Image by image: what an instruction leaves is in the cache when the next one comes.
void ChannelRunner::run_images(std::size_t begin, std::size_t end, Team& team) const {
  const Share images = share(team, batch_.count);
  const bool backwards = program_.backwards(begin);
  for (std::int64_t k = images.begin; k < images.end; ++k) {
    const std::int64_t n = backwards ? images.begin + images.end - 1 - k : k;
    for (std::size_t i = begin; i < end; ++i) {
      run_image(program_.plan().program[i], n, team.workspace());
    }
  }
}

void ChannelRunner::run_image(const Instruction& instruction, std::int64_t image,
                              std::byte* workspace) const {
  const int n = static_cast<int>(image);
  std::visit(
      [&](const auto& i) {
        if constexpr (requires { run(i, n, workspace); }) {
          by_image_.clear_halos(instruction, block(n));
          run(i, n, workspace);
        } else if constexpr (requires { run(i, n); }) {
          by_image_.clear_halos(instruction, block(n));
          run(i, n);
        } else {
          by_image_.run(instruction, block(n));
        }
      },
      instruction.operation);
}

// ---- in blocks of 16 images

namespace {

enum class Copy { in, zeros, out };  // into a lane of the block, or out of it

template <typename T>
void copy_lane(const Buffer& b, const Buffer& in_block, T* image, T* block, int lane, Copy copy) {
  image += b.interior();
  block += in_block.interior() + lane;
  const std::int64_t pixel = b.pixel();
  for (int h = 0; h < b.height; ++h, image += b.row(), block += in_block.row()) {
    T* to = block;
    for (int w = 0; w < b.width; ++w) {
      T* from = image + w * pixel;
      for (int c = 0; c < b.channels; ++c, to += kLanes) {
        if (copy == Copy::out) {
          from[c] = *to;
        } else {
          *to = copy == Copy::in ? from[c] : T{};
        }
      }
    }
  }
}

}  // namespace

// Between the images from `first` on and a block: `count` of them, and zeros for the others.
void ChannelRunner::copy_block(const std::vector<BufferId>& operands, std::int64_t first, int count,
                               std::byte* arena, bool in) const {
  for (BufferId id : operands) {
    const Buffer& b = buffer(id);
    const Buffer& in_block = program_.blocks().buffers[static_cast<std::size_t>(id)];
    for (int lane = 0; lane < (in ? kLanes : count); ++lane) {
      const std::int64_t n = first + std::min(lane, count - 1);
      std::byte* image = memory_.arena + static_cast<std::size_t>(n) * memory_.image + b.offset;
      std::byte* block = arena + in_block.offset;
      const Copy copy = !in ? Copy::out : lane < count ? Copy::in : Copy::zeros;
      if (b.element_size == 1) {
        copy_lane(b, in_block, reinterpret_cast<std::uint8_t*>(image),
                  reinterpret_cast<std::uint8_t*>(block), lane, copy);
      } else {
        copy_lane(b, in_block, reinterpret_cast<float*>(image), reinterpret_cast<float*>(block),
                  lane, copy);
      }
    }
  }
}

void ChannelRunner::run_blocks(const Instruction& instruction, Team& team) const {
  std::byte* arena = team.workspace() + cpu::kWorkspaceBytes;
  const std::int64_t blocks = (batch_.count + kLanes - 1) / kLanes;
  for (std::int64_t b = team.index(); b < blocks; b += team.size()) {
    const std::int64_t first = b * kLanes;
    const int count = static_cast<int>(std::min<std::int64_t>(kLanes, batch_.count - first));
    copy_block(instruction.reads, first, count, arena, true);
    in_blocks_.run(instruction,
                   {first, count, arena, nullptr, 0, nullptr, false, memory_.losses + first,
                    memory_.ranks + first, memory_.output_stride});
    copy_block(instruction.writes, first, count, arena, false);
    for (int l = 0; l < count; ++l) by_image_.clear_halos(instruction, block(first + l));
  }
}

// ---- operands

Block ChannelRunner::block(std::int64_t image) const {
  return {image,
          1,
          memory_.arena + static_cast<std::size_t>(image) * memory_.image,
          nullptr,
          0,
          memory_.gradients,
          false,
          memory_.losses + image,
          memory_.ranks + image,
          memory_.output_stride};
}

ChannelView ChannelRunner::view(BufferId id) const {
  const Buffer& b = buffer(id);
  float* data = reinterpret_cast<float*>(memory_.arena + b.offset);
  return {data + b.interior(),
          static_cast<std::int64_t>(memory_.image / sizeof(float)),
          b.row(),
          static_cast<int>(batch_.count),
          b.height,
          b.width,
          b.channels,
          b.filled_up};
}

cpu::ChannelCodes ChannelRunner::codes(BufferId id) const {
  const Buffer& b = buffer(id);
  return {reinterpret_cast<std::uint8_t*>(memory_.arena + b.offset),
          static_cast<std::int64_t>(memory_.image),
          b.row(),
          static_cast<int>(batch_.count),
          b.height,
          b.width,
          b.channels};
}

// ---- instructions that the kernel deals out

void ChannelRunner::run(const Conv2dForward& i, Team& team) const {
  kernels_.conv2d_channels->forward(team, i.g, const_view(i.x), weight(i.kernel), weight(i.bias),
                                    i.relu, view(i.y));
}

void ChannelRunner::run(const Conv2dPoolForward& i, Team& team) const {
  kernels_.conv2d_channels->forward_pool(team, i.g, const_view(i.x), weight(i.kernel),
                                         weight(i.bias), i.relu, view(i.y), codes(i.code));
}

void ChannelRunner::run(const Conv2dBackwardInput& i, Team& team) const {
  kernels_.conv2d_channels->backward_input(team, i.g, const_view(i.dz), weight(i.kernel),
                                           memory_.scratch, const_view_of(i.base), view(i.dx));
}

void ChannelRunner::run(const Conv2dBackwardParams& i, Team& team, bool accumulate) const {
  kernels_.conv2d_channels->backward_params(team, i.g, const_view(i.x), const_view(i.dz),
                                            accumulate, memory_.scratch, gradient(i.kernel),
                                            gradient(i.bias));
}

void ChannelRunner::run(const Conv2dPoolBackwardInput& i, Team& team) const {
  kernels_.conv2d_channels->pool_backward_input(team, i.g, const_view(i.dy), const_codes(i.code),
                                                weight(i.kernel), memory_.scratch, view(i.dx));
}

void ChannelRunner::run(const Conv2dPoolBackwardParams& i, Team& team, bool accumulate) const {
  kernels_.conv2d_channels->pool_backward_params(team, i.g, const_view(i.x), const_view(i.dy),
                                                 const_codes(i.code), accumulate, memory_.scratch,
                                                 gradient(i.kernel), gradient(i.bias));
}

void ChannelRunner::run(const DenseForward& i, Team& team) const {
  kernels_.dense_channels->forward(team, i.g, const_view(i.x), weight(i.kernel), weight(i.bias),
                                   i.relu, memory_.scratch, view(i.y));
}

void ChannelRunner::run(const DenseBackwardInput& i, Team& team) const {
  kernels_.dense_channels->backward_input(team, i.g, const_view(i.dz), weight(i.kernel),
                                          view(i.dx));
}

void ChannelRunner::run(const DenseBackwardParams& i, Team& team, bool accumulate) const {
  kernels_.dense_channels->backward_params(team, i.g, const_view(i.x), const_view(i.dz), accumulate,
                                           gradient(i.kernel), gradient(i.bias));
}

// ---- instructions for image n

namespace {

// Image n alone.
template <typename T>
cpu::BasicChannelView<T> only(cpu::BasicChannelView<T> v, int n) {
  v.data += n * v.image;
  v.images = 1;
  return v;
}

}  // namespace

void ChannelRunner::run(const Conv2dForward& i, int n, std::byte* workspace) const {
  SoloTeam alone(workspace);
  kernels_.conv2d_channels->forward(alone, i.g, only(const_view(i.x), n), weight(i.kernel),
                                    weight(i.bias), i.relu, only(view(i.y), n));
}

void ChannelRunner::run(const Conv2dPoolForward& i, int n, std::byte* workspace) const {
  SoloTeam alone(workspace);
  kernels_.conv2d_channels->forward_pool(alone, i.g, only(const_view(i.x), n), weight(i.kernel),
                                         weight(i.bias), i.relu, only(view(i.y), n),
                                         only(codes(i.code), n));
}

void ChannelRunner::run(const Conv2dBackwardInput& i, int n, std::byte* workspace) const {
  SoloTeam alone(workspace);
  auto* scratch = reinterpret_cast<float*>(workspace + cpu::kWorkspaceBytes);
  kernels_.conv2d_channels->backward_input(alone, i.g, only(const_view(i.dz), n), weight(i.kernel),
                                           scratch, only(const_view_of(i.base), n),
                                           only(view(i.dx), n));
}

void ChannelRunner::run(const GatherRows& i, int n) const {
  const auto& tensors = i.stream == Stream::input    ? batch_.inputs
                        : i.stream == Stream::target ? batch_.targets
                                                     : batch_.output_gradients;
  const Tensor& from = *tensors[static_cast<std::size_t>(i.index)];
  const std::int64_t at = batch_.row(n) * (from.size() / from.shape()[0]);
  if (from.dtype() == DType::uint8) {
    kernels_.gather_channels->from_uint8(from.data<std::uint8_t>() + at, i.scale, i.offset,
                                         view(i.y), n);
  } else {
    kernels_.gather_channels->from_float(from.data<float>() + at, i.scale, i.offset, view(i.y), n);
  }
}

void ChannelRunner::run(const ScatterRows& i, int n) const {
  const auto& tensors = i.stream == Stream::output ? batch_.outputs : batch_.input_gradients;
  Tensor& to = *tensors[static_cast<std::size_t>(i.index)];
  const std::int64_t size = to.size() / to.shape()[0];
  kernels_.gather_channels->to_float(const_view(i.x), n, to.data<float>() + batch_.row(n) * size);
}

// The others work lane by lane, and so on either layout.
void ChannelRunner::run(const ActivationForward& i, int n) const {
  if (i.options.kind == Activation::softmax) {
    kernels_.softmax_channels->forward(const_view(i.x), n, view(i.y));
  } else {
    by_image_.run(i, block(n));
  }
}

void ChannelRunner::run(const ActivationBackward& i, int n) const {
  if (i.options.kind == Activation::softmax) {
    kernels_.softmax_channels->backward(const_view(i.dy), const_view(i.saved), n, view(i.dx));
  } else {
    by_image_.run(i, block(n));
  }
}

void ChannelRunner::run(const Repack& i, int n) const {
  const ChannelView x = view(i.x), y = view(i.y);
  int h = 0, w = 0, c = 0;  // of y
  for (int from_h = 0; from_h < x.height; ++from_h) {
    for (int from_w = 0; from_w < x.width; ++from_w) {
      const float* from = x.at(n, from_h, from_w);
      for (int from_c = 0; from_c < x.channels; ++from_c) {
        y.at(n, h, w)[c] = from[from_c];
        if (++c < y.channels) continue;
        c = 0;
        if (++w < y.width) continue;
        w = 0;
        ++h;
      }
    }
  }
}

namespace {

// Copies `channels` numbers of each of the positions of image n.
template <typename From, typename To>
void copy_channels(int height, int width, int channels, From from, To to) {
  for (int h = 0; h < height; ++h) {
    for (int w = 0; w < width; ++w) std::copy_n(from(h, w), channels, to(h, w));
  }
}

}  // namespace

void ChannelRunner::run(const ConcatForward& i, int n) const {
  const cpu::ConstChannelView x = const_view(i.x);
  const ChannelView y = view(i.y);
  copy_channels(
      x.height, x.width, x.channels, [&](int h, int w) { return x.at(n, h, w); },
      [&](int h, int w) { return y.at(n, h + i.at.height, w + i.at.width) + i.at.channels; });
}

void ChannelRunner::run(const ConcatBackward& i, int n) const {
  const cpu::ConstChannelView dy = const_view(i.dy);
  const ChannelView dx = view(i.dx);
  copy_channels(
      dx.height, dx.width, dx.channels,
      [&](int h, int w) { return dy.at(n, h + i.at.height, w + i.at.width) + i.at.channels; },
      [&](int h, int w) { return dx.at(n, h, w); });
}

void ChannelRunner::run(const BatchNormStatistics& i, int n) const {
  const BlockRunner::Pairs out = pairs(i.partial, n);
  kernels_.batch_norm_channels->statistics(const_view(i.x), n, out.first, out.second);
}

void ChannelRunner::run(const BatchNormForward& i, int n) const {
  kernels_.batch_norm_channels->forward(by_image_.normalization(i, block(n)), const_view(i.x), n,
                                        view(i.y));
}

void ChannelRunner::run(const BatchNormBackwardSums& i, int n) const {
  const BlockRunner::Pairs out = pairs(i.partial, n);
  kernels_.batch_norm_channels->backward_sums(by_image_.normalization(i, block(n)),
                                              const_view(i.dy), const_view(i.x), n, out.first,
                                              out.second);
}

void ChannelRunner::run(const BatchNormBackwardInput& i, int n) const {
  const BlockRunner::Pairs means =
      i.means < 0 ? BlockRunner::Pairs{nullptr, nullptr} : pairs(i.means, n);
  kernels_.batch_norm_channels->backward_input(by_image_.normalization(i, block(n)),
                                               const_view(i.dy), const_view(i.x), n, means.first,
                                               means.second, view(i.dx));
}

}  // namespace pycnn
