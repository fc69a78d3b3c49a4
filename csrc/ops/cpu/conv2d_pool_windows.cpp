#include "ops/cpu/conv2d_columns.h"
#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_split.h"
#include "ops/cpu/tile.h"

// The input's gradient of conv2d with pooling where a window sees few floats: for each window and
// image the kernels of the channels that have a gradient, each at the place that has won, are
// summed in registers. Only the end of that sum depends on the data: which channels win where could
// not be foretold.
namespace pycnn::cpu::PYCNN_ISA {
namespace {

constexpr int kSums = kAccumulators == 24 ? 24 : 12;

// To [channel][column 0 or 1], each a kernel with stride_height rows of zeros above and below; so
// the patch of a window whose winner is below begins that many rows earlier in it.
void place_kernels(const Conv2dGeometry& g, const WindowPatch& p, const float* kernel,
                   float* placed) {
  clear(placed, g.out_channels * 2 * p.kernel);
  const std::int64_t right = std::int64_t{g.stride_width} * g.in_channels;
  const std::int64_t run = std::int64_t{g.kernel_width} * g.in_channels;
  for (int a = 0; a < g.kernel_height; ++a) {
    for (std::int64_t j = 0; j < run; ++j) {
      float* to = placed + p.down + a * p.pitch + j;
      for (int o = 0; o < g.out_channels; ++o, to += 2 * p.kernel) {
        to[0] = to[p.kernel + right] = *kernel++;
      }
    }
  }
}

// Of one window and image.
struct Window {
  const std::uint32_t* live;  // channels
  int words;
  const float* gradients;
  const std::int32_t* offsets;
};

// image += sum over the channels of gradient * kernel, N vectors of a window's patch, which lie at
// `places` of the image.
template <int N>
void add_window(const Window& window, const float* kernels, const std::int64_t* places,
                float* image) {
  V acc[N] = {};
  for_live(window.live, window.words, [&](int o) {
    const V gradient = splat(window.gradients[o]);
    const float* kernel = kernels + window.offsets[o];
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) acc[n] += gradient * load(kernel + n * W);
  });
  PYCNN_UNROLL
  for (int n = 0; n < N; ++n) {
    float* to = image + places[n];
    store_unaligned(to, load_unaligned(to) + acc[n]);
  }
}

}  // namespace

void conv2d_pool_add_windows(const Conv2dGeometry& g, ConstView dy, const std::uint8_t* code,
                             const float* kernel, float* scratch) {
  const PatchColumns columns(g);
  const WindowPatch p(g);
  const PoolBackwardInputScratch s(g);
  float* kernels = scratch + s.kernels;
  std::int32_t* offsets = reinterpret_cast<std::int32_t*>(scratch + s.offsets);
  place_kernels(g, p, kernel, kernels);
  split_gradients(dy, code, s.gradients,
                  {static_cast<std::int32_t>(p.kernel), -static_cast<std::int32_t>(p.down)},
                  scratch + s.dy, offsets,
                  [&](int, int, int o) { return o * 2 * p.kernel + p.down; });
  const LiveMasks live{dy.height * dy.width, dy.channels, std::int64_t{dy.channels} * kLanes,
                       kLanes};
  std::uint32_t* masks = reinterpret_cast<std::uint32_t*>(scratch + s.masks);
  find_live(live, code, masks);
  const int vectors = static_cast<int>(p.rows * p.pitch / W);
  std::int64_t places[PoolBackwardInputScratch::kMostOfWindow / W];
  for (int v = 0; v < vectors; ++v) {
    const std::int64_t at = std::int64_t{v} * W;
    places[v] = at / p.pitch * columns.image_row + at % p.pitch;
  }
  for (int l = 0; l < kLanes; ++l) {
    std::int64_t first = l * s.gradients;
    const std::uint32_t* mask = masks + l;
    for (int h = 0; h < dy.height; ++h) {
      float* image =
          scratch + s.images + l * columns.image + 2 * h * g.stride_height * columns.image_row;
      for (int w = 0; w < dy.width; ++w, first += dy.channels, mask += live.row()) {
        const Window window{mask, live.words(), scratch + s.dy + first, offsets + first};
        for_parts<kSums>(vectors, [&](int v, auto n) {
          add_window<n.value>(window, kernels + std::int64_t{v} * W, places + v, image);
        });
        image += 2 * g.stride_width * g.in_channels;
      }
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA
