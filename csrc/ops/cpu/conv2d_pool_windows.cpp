#include "ops/cpu/conv2d_columns.h"
#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_split.h"
#include "ops/cpu/tile.h"

// The input's gradient of conv2d with pooling where the rows that a window sees fit into registers:
// they go down an output column, and each window adds the kernels of those channels whose winner is
// in that column. A kernel has a row of zeros above and below, so that it may lie at either of the
// window's two places. Only the end of a window's sum depends on the data: which channels win where
// could not be foretold.
namespace pycnn::cpu::PYCNN_ISA {
namespace {

constexpr int kDown = 2;  // rows from a window to the one below

// The windows of an output column, for one image; from one to the next so many elements of each.
struct Column {
  int windows, words;
  const std::uint32_t* live;  // the channels
  std::int64_t live_step;
  const float* gradients;
  const std::int32_t* rows;  // where the channels' kernels begin
  std::int64_t step;
};

PYCNN_INLINE void add(float* to, V v) { store_unaligned(to, load_unaligned(to) + v); }

// image += the gradient, N vectors of each row; a window sees R rows, `image_row` floats apart.
template <int R, int N>
void add_column(Column c, const float* kernels, float* image, std::int64_t image_row) {
  V acc[R][N] = {};
  for (int i = 0; i < c.windows; ++i) {
    for_live(c.live, c.words, [&](int o) {
      const V gradient = splat(c.gradients[o]);
      const float* kernel = kernels + std::int64_t{c.rows[o]} * N * W;
      PYCNN_UNROLL
      for (int r = 0; r < R; ++r) {
        PYCNN_UNROLL
        for (int n = 0; n < N; ++n) acc[r][n] += gradient * load(kernel + (r * N + n) * W);
      }
    });
    PYCNN_UNROLL
    for (int r = 0; r < R; ++r) {
      PYCNN_UNROLL
      for (int n = 0; n < N; ++n) {
        if (r < kDown) add(image + r * image_row + n * W, acc[r][n]);
        acc[r][n] = r + kDown < R ? acc[r + kDown][n] : V{};
      }
    }
    image += kDown * image_row;
    c.live += c.live_step;
    c.gradients += c.step;
    c.rows += c.step;
  }
  PYCNN_UNROLL
  for (int r = 0; r + kDown < R; ++r) {
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) add(image + r * image_row + n * W, acc[r][n]);
  }
}

// To [part of the run][channel][row], each kernel with a row of zeros above and below.
template <int R>
void place_kernels(const Conv2dGeometry& g, const PatchColumns& p, const float* kernel,
                   float* placed) {
  constexpr int kRows = R + 1;
  clear(placed, std::int64_t{g.out_channels} * kRows * p.pitch);
  for_parts<kAccumulators / R>(p.pitch / W, [&](int first, auto n) {
    constexpr int kWidth = n.value * W;
    const std::int64_t left = p.run - std::int64_t{first} * W;
    float* part = placed + std::int64_t{first} * W * g.out_channels * kRows + kWidth;
    for (int a = 0; a < R - 1; ++a) {
      const float* from = kernel + (a * p.run + std::int64_t{first} * W) * g.out_channels;
      for (int j = 0; j < kWidth && j < left; ++j) {
        float* to = part + a * kWidth + j;
        for (int o = 0; o < g.out_channels; ++o, to += kRows * kWidth) *to = *from++;
      }
    }
  });
}

template <int R>
void add_windows(const Conv2dGeometry& g, ConstView dy, const std::uint8_t* code,
                 const float* kernel, float* scratch) {
  const PatchColumns p(g);
  const PoolBackwardInputScratch s(g);
  std::int32_t* rows = reinterpret_cast<std::int32_t*>(scratch + s.offsets);
  place_kernels<R>(g, p, kernel, scratch + s.kernels);
  split_gradients(dy, code, s.gradients, {0, -1}, scratch + s.dy, rows,
                  [&](int, int, int o) { return o * (R + 1) + 1; });
  const LiveMasks masks{dy.height * dy.width, dy.channels, std::int64_t{dy.channels} * kLanes,
                        kLanes};
  std::uint32_t* live[2];  // by column of the window
  for (int right = 0; right < 2; ++right) {
    live[right] = reinterpret_cast<std::uint32_t*>(scratch + s.masks) + right * masks.size();
    find_live(masks, code, live[right],
              [&](VI place) { return place == right || place == right + 2; });
  }
  for (int l = 0; l < kLanes; ++l) {
    for (int c = 0; c < 2 * dy.width; ++c) {
      const std::int64_t window = c / 2, first = l * s.gradients + window * dy.channels;
      const Column column{dy.height,
                          masks.words(),
                          live[c % 2] + window * masks.row() + l,
                          dy.width * masks.row(),
                          scratch + s.dy + first,
                          rows + first,
                          std::int64_t{dy.width} * dy.channels};
      float* image = scratch + s.images + l * p.image + c * g.stride_width * g.in_channels;
      for_parts<kAccumulators / R>(p.pitch / W, [&](int v, auto n) {
        const std::int64_t part = std::int64_t{v} * W * g.out_channels * (R + 1);
        add_column<R, n.value>(column, scratch + s.kernels + part, image + v * W, p.image_row);
      });
    }
  }
}

}  // namespace

void conv2d_pool_add_windows(const Conv2dGeometry& g, ConstView dy, const std::uint8_t* code,
                             const float* kernel, float* scratch) {
  if (g.kernel_height == 3) return add_windows<4>(g, dy, code, kernel, scratch);
  if (g.kernel_height == 5) return add_windows<6>(g, dy, code, kernel, scratch);
  add_windows<8>(g, dy, code, kernel, scratch);
}

}  // namespace pycnn::cpu::PYCNN_ISA
