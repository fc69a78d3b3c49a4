// Where a small net's values lie in a block's shared memory:
//   of each image: planes of every convolution's input, codes, inputs of dense layers, logits;
//   the convolutions' weights; sums of slices; and last, one after the other, copies of dense
//   weights, then what the convolutions need to go back.
// Gradients take the place of the values that they belong to.

#include <algorithm>
#include <limits>

#include "runtime/cuda/small_net_form.h"

namespace pycnn::cuda {
namespace {

using small_net::Conv;
using small_net::Dense;
using small_net::Net;
using small_net::Planes;
using small_net::Tile;

// Blocks that a batch should give, before it gives them more images: so many SMs has a big GPU.
constexpr std::int64_t kBlocks = 128;
constexpr std::int64_t kMostFloats = std::int64_t{1} << 20;  // of anything, so that sums fit an int
constexpr int kWarps = small_net::kBlockThreads / 32;

std::int64_t round_up(std::int64_t value, std::int64_t to) { return (value + to - 1) / to * to; }

// Hands out memory, float4 by float4.
class Stack {
 public:
  explicit Stack(std::int64_t at = 0) : at_(at) {}

  int take(std::int64_t floats) {
    const std::int64_t at = at_;
    at_ = std::min(at_ + round_up(std::min(floats, kMostFloats), 4), kMostFloats);
    return static_cast<int>(at);
  }
  std::int64_t size() const { return at_; }

 private:
  std::int64_t at_;
};

// 2x2 windows over a convolution's output, or over its input on the way back.
struct Grid2 {
  std::int64_t rows, columns;
  std::int64_t count() const { return rows * columns; }
};

Grid2 forward_windows(const Conv& c) {
  if (c.pool) return {c.height, c.width};
  return {(c.height + 1) / 2, (c.width + 1) / 2};
}

Grid2 backward_windows(const Conv& c) { return {(c.g.in_height + 1) / 2, (c.g.in_width + 1) / 2}; }

// Planes of at least so many rows and columns, for windows that begin every second row and column.
// Neighbouring threads read pairs at neighbouring windows: with this pitch the windows of a row go
// on where those of the row before it end, as far as the 16 pairs of the banks see.
bool set_planes(Planes& p, int channels, std::int64_t rows, std::int64_t columns, Grid2 windows) {
  const std::int64_t remainder = round_up(windows.columns, 2) % 16;
  const std::int64_t pitch = round_up(columns - remainder, 16) + remainder;
  if (rows > kMostFloats || pitch > kMostFloats || rows * pitch > kMostFloats ||
      rows * pitch * channels > kMostFloats) {
    return false;
  }
  p.channels = channels;
  p.rows = static_cast<int>(rows);
  p.pitch = static_cast<int>(pitch);
  return true;
}

bool set_planes(Conv& c, bool first) {
  const Conv2dGeometry& g = c.g;
  const Grid2 windows = forward_windows(c), back = backward_windows(c);
  const auto reach = [](std::int64_t count, std::int64_t stride, int kernel) {
    return (2 * count - 1) * stride + kernel;
  };
  const std::int64_t rows = std::max(reach(windows.rows, g.stride_height, g.kernel_height),
                                     std::int64_t{g.pad_top} + g.in_height);
  const std::int64_t columns = std::max(reach(windows.columns, g.stride_width, g.kernel_width),
                                        std::int64_t{g.pad_left} + g.in_width);
  if (!set_planes(c.x, g.in_channels, rows, columns, windows)) return false;
  return first || set_planes(c.dz, g.out_channels, reach(back.rows, 1, g.kernel_height),
                             reach(back.columns, 1, g.kernel_width), back);
}

// The tile that takes the fewest cycles: an SM's 4 schedulers do a multiply-add of a warp each,
// shared memory serves one warp at a time. A scheduler's only warp waits about a third of the time
// for what it loads; more of them wait together.
Tile best_tile(std::int64_t windows, int inputs, std::int64_t taps, int outputs) {
  Tile best{4, 1};
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (int channels : {8, 6, 4}) {
    for (int slices = 1; slices <= std::min(inputs, kWarps / 2); ++slices) {
      const Tile tile{channels, slices};
      const std::int64_t items = windows * tile.groups(outputs);
      if (slices > 1 && items * slices > small_net::kBlockThreads) break;
      const std::int64_t warps = (items * slices + 31) / 32;
      const std::int64_t steps = (inputs + slices - 1) / slices * taps;
      const std::int64_t arithmetic = (warps + 3) / 4 * steps * 4 * channels;
      const std::int64_t waits = steps * 4 * channels / 3;
      const std::int64_t loads = warps * steps * (5 + tile.group() / 2) / 2;
      const std::int64_t cycles =
          std::max(arithmetic, loads) + waits + std::int64_t{slices - 1} * 100;
      if (cycles >= least) continue;
      least = cycles;
      best = tile;
    }
  }
  return best;
}

// Floats that the slices of a pass hand on.
std::int64_t slice_sums(const Tile& tile, std::int64_t windows, int outputs) {
  return tile.slices > 1 ? 4 * tile.channels * windows * tile.groups(outputs) : 0;
}

// What an image has of its own.
void place_image(Net& net) {
  Stack image;
  for (int i = 0; i < net.conv_count; ++i) {
    Conv& c = net.convs[i];
    c.x.at = image.take(c.x.size());
    const std::int64_t size = std::int64_t{c.height} * c.width * c.g.out_channels;
    c.codes = image.take((std::min(size, kMostFloats) + 3) / 4);
  }
  for (int i = 0; i < net.dense_count; ++i) {
    net.denses[i].x = image.take(net.denses[i].g.inputs);
  }
  net.logits = image.take(net.denses[net.dense_count - 1].g.outputs);
  net.image_size = static_cast<int>(image.size());
  for (int i = 0; i < net.conv_count; ++i) {
    net.convs[i].dy = i + 1 < net.conv_count ? net.convs[i + 1].x.at : net.denses[0].x;
  }
}

// What the block has until dense layers have gone back; the rest is theirs and the convolutions'.
void place_common(Net& net, Stack& block) {
  net.image_at = block.take(std::int64_t{net.group} * net.image_size);
  std::int64_t sums = 0;
  for (int i = 0; i < net.conv_count; ++i) {
    Conv& c = net.convs[i];
    const std::int64_t taps = std::int64_t{c.g.kernel_height} * c.g.kernel_width;
    const std::int64_t windows = forward_windows(c).count() * net.group;
    c.forward = best_tile(windows, c.g.in_channels, taps, c.g.out_channels);
    c.weights = block.take((taps * c.g.in_channels + 1) * c.forward.row(c.g.out_channels));
    sums = std::max(sums, slice_sums(c.forward, windows, c.g.out_channels));
  }
  const int images = net.group == 3 ? 4 : net.group;  // as dense_chain has it
  for (int i = 0; i < net.dense_count; ++i) {
    sums = std::max(sums, std::int64_t{kWarps} * images * net.denses[i].g.outputs);
  }
  net.sums = block.take(sums);
}

// Whether the gradient of the input may go by patches.
bool suits_patches(const Conv& c) {
  return c.pool && c.g.stride_height == 1 && c.g.stride_width == 1 &&
         c.g.kernel_height == c.g.kernel_width && (c.g.kernel_width == 5 || c.g.kernel_width == 3);
}

// What a layer needs to go back, floats.
struct Needs {
  std::int64_t dz, kernel, sums;
};

// small_net_conv_patches.cuh has it so.
Needs patch_needs(const Conv& c, int images) {
  const std::int64_t k = c.g.kernel_width, row = round_up(k + 1, 4) * 2;
  const std::int64_t places = std::int64_t{c.height} * c.width;
  // The last images may be fewer, and have more slices.
  std::int64_t threads = 0;
  for (int n = 1; n <= images; ++n) {
    const std::int64_t items = places * c.g.in_channels * n;
    const std::int64_t slices =
        std::clamp<std::int64_t>(small_net::kBlockThreads / items, 1, c.g.out_channels);
    threads = std::max(threads, items * slices);
  }
  return {2 * places * c.g.out_channels, (k + 2) * row * c.g.in_channels * c.g.out_channels,
          (k + 1) * (k + 1) * threads};
}

Needs convolution_needs(Conv& c, int images) {
  const std::int64_t taps = std::int64_t{c.g.kernel_height} * c.g.kernel_width;
  const std::int64_t windows = backward_windows(c).count() * images;
  c.backward = best_tile(windows, c.g.out_channels, taps, c.g.in_channels);
  return {c.dz.size(), (taps * c.g.out_channels + 1) * c.backward.row(c.g.in_channels),
          slice_sums(c.backward, windows, c.g.in_channels)};
}

// Floats up to the end of what the convolutions need to go back.
std::int64_t place_backward(Net& net, Stack block) {
  Needs most{};
  for (int i = 1; i < net.conv_count; ++i) {
    Conv& c = net.convs[i];
    const Needs n =
        c.patches ? patch_needs(c, net.back_images) : convolution_needs(c, net.back_images);
    most = {std::max(most.dz, n.dz), std::max(most.kernel, n.kernel), std::max(most.sums, n.sums)};
  }
  net.dz_size = static_cast<int>(round_up(std::min(most.dz, kMostFloats), 4));
  net.dz_at = block.take(std::int64_t{net.back_images} * net.dz_size);
  net.back_kernel_at = block.take(most.kernel);
  net.back_sums_at = block.take(most.sums);
  return block.size();
}

// As many layers' weights as there is room for.
std::int64_t place_residents(Net& net, Stack block, std::int64_t limit) {
  for (int i = 0; i < net.dense_count; ++i) {
    Dense& d = net.denses[i];
    const std::int64_t size = std::int64_t{d.g.inputs} * d.g.outputs;
    const bool fits = block.size() + round_up(size, 4) <= limit;
    d.resident = fits ? block.take(size) : -1;
  }
  return block.size();
}

// With so many images in a block.
bool lay_out_group(Net& net, std::int64_t limit) {
  Stack block;
  place_common(net, block);
  for (bool patches : {true, false}) {
    for (int i = 1; i < net.conv_count; ++i) {
      net.convs[i].patches = patches && suits_patches(net.convs[i]);
    }
    for (net.back_images = net.group; net.back_images > 0; --net.back_images) {
      const std::int64_t backward = place_backward(net, block);
      if (backward > limit) continue;
      net.shared_floats = static_cast<int>(std::max(backward, place_residents(net, block, limit)));
      return true;
    }
  }
  return false;
}

}  // namespace

bool lay_out(Net& net, std::int64_t count, std::size_t limit_bytes) {
  const auto limit =
      std::min(static_cast<std::int64_t>(limit_bytes / sizeof(float)), kMostFloats - 1);
  for (int i = 0; i < net.conv_count; ++i) {
    if (!set_planes(net.convs[i], i == 0)) return false;
  }
  place_image(net);
  net.count = static_cast<int>(count);
  const auto wanted =
      std::clamp<std::int64_t>((count + kBlocks - 1) / kBlocks, 1, small_net::kMostImages);
  for (net.group = static_cast<int>(wanted); net.group > 0; --net.group) {
    if (!lay_out_group(net, limit)) continue;
    net.twins = net.conv_count > 1 && 2 * net.blocks() <= kBlocks ? 2 : 1;
    return true;
  }
  return false;
}

}  // namespace pycnn::cuda
