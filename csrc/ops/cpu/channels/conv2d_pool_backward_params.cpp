#include "ops/cpu/channels/conv2d_gradient.h"
#include "ops/cpu/channels/conv2d_passes.h"
#include "ops/cpu/transpose.h"

// The weights' gradient of conv2d with pooling, without the gradient of the convolution's output.
// Of the four sums of a window one has a gradient. The lanes lie along the patch that it reads:
// for each kernel row one run of (column, channel) pairs, which x has as it is. Sums are
// [output channel][patch]; a thread has some output channels and goes through all images.
namespace pycnn::cpu::PYCNN_ISA::channels {
namespace {

constexpr int kWindows = 64;                // of a tile, at most
constexpr int kTileFloats = 12 * 1024;      // of x under a tile: they stay in the first-level cache
constexpr int kChannels = 64;               // whose terms are listed together, at most
constexpr std::int64_t kSums = 128 * 1024;  // which stay in the second-level cache
constexpr int kPatchVectors = kAccumulators == 24 ? 20 : 10;  // summed at a time
constexpr int kPatchRows = 3;                                 // of the kernel, at most

// One window's part in a channel's sums. Where its patch begins: floats from the tile's corner.
struct Term {
  std::int32_t offset;
  float gradient;
};

// A tile of windows of image n.
struct Tile {
  int n, row, rows, column, columns;
};

struct Terms {
  int count[kChannels];
  float gradients[kChannels];  // their sum
  Term term[kChannels][kWindows];
};

// Calls f(tile) for all images. The tiles depend on sizes alone.
template <typename F>
PYCNN_INLINE void for_window_tiles(const Conv2dGeometry& g, const ConstChannelView& dy, F f) {
  const int seen = g.in_channels < kPatchVectors * W ? g.in_channels : kPatchVectors * W;
  const int fit = kTileFloats / (4 * seen);
  const int most = fit < 1 ? 1 : fit < kWindows ? fit : kWindows;
  const Split columns(dy.width, most), rows(dy.height, most / columns.size(0));
  for (int n = 0; n < dy.images; ++n) {
    for (int r = 0, row = 0; r < rows.parts; row += rows.size(r++)) {
      for (int c = 0, column = 0; c < columns.parts; column += columns.size(c++)) {
        f(Tile{n, row, rows.size(r), column, columns.size(c)});
      }
    }
  }
}

// Of `count` channels from `first` on, the windows that let a gradient through.
void list_terms(const Conv2dGeometry& g, const ConstChannelView& x, const ConstChannelView& dy,
                const ConstChannelCodes& code, const Tile& tile, int first, int count,
                Terms& terms) {
  const auto right = static_cast<std::int32_t>(g.stride_width * x.pixel());
  const auto down = static_cast<std::int32_t>(g.stride_height * x.row);
  const std::int32_t to_place[5] = {0, right, down, down + right, 0};
  for (int o = 0; o < count; ++o) {
    Term* term = terms.term[o];
    int listed = 0;
    float sum = 0.0f;
    for (int h = 0; h < tile.rows; ++h) {
      const float* gradient = dy.at(tile.n, tile.row + h, tile.column) + first + o;
      const std::uint8_t* place = code.at(tile.n, tile.row + h, tile.column) + first + o;
      std::int32_t offset = 2 * h * down;
      for (int w = 0; w < tile.columns; ++w, offset += 2 * right) {
        term[listed] = {offset + to_place[*place], *gradient};
        sum += *place < 4 ? *gradient : 0.0f;
        listed += *place < 4;
        gradient += dy.pixel();
        place += code.pixel();
      }
    }
    terms.count[o] = listed;
    terms.gradients[o] = sum;
  }
}

// sums += the terms, for R rows of the patch, `row` floats apart in x and `run` in the sums, and N
// vectors of each.
template <int R, int N>
void add_terms(const float* x, std::int64_t row, const Term* terms, int count, float* sums,
               std::int64_t run) {
  V acc[R][N];
  PYCNN_UNROLL
  for (int r = 0; r < R; ++r) {
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) acc[r][n] = load(sums + r * run + n * W);
  }
  for (int i = 0; i < count; ++i) {
    const float* patch = x + terms[i].offset;
    const V gradient = splat(terms[i].gradient);
    PYCNN_UNROLL
    for (int r = 0; r < R; ++r) {
      PYCNN_UNROLL
      for (int n = 0; n < N; ++n) acc[r][n] += gradient * load(patch + r * row + n * W);
    }
  }
  PYCNN_UNROLL
  for (int r = 0; r < R; ++r) {
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) store(sums + r * run + n * W, acc[r][n]);
  }
}

// The terms of a tile, for `count` channels; `x` is its corner.
void add_tile(const Conv2dGeometry& g, const float* x, std::int64_t row, const Terms& terms,
              int count, float* sums) {
  const std::int64_t run = std::int64_t{g.kernel_width} * g.in_channels;
  const std::int64_t patch = g.kernel_height * run;
  const Split parts(static_cast<int>(run / W), kPatchVectors);
  const int fit = kPatchVectors / parts.size(0);
  const Split rows(g.kernel_height, fit < kPatchRows ? fit : kPatchRows);
  for (int i = 0, a = 0; i < rows.parts; a += rows.size(i++)) {
    dispatch<kPatchRows>(rows.size(i), [&](auto r) {
      for_parts<kPatchVectors / r.value>(run / W, [&](int first, auto n) {
        for (int o = 0; o < count; ++o) {
          add_terms<r.value, n.value>(x + a * row + first * W, row, terms.term[o], terms.count[o],
                                      sums + o * patch + a * run + first * W, run);
        }
      });
    });
  }
}

// From [channel][patch] to the layout of the weights, of which `dkernel` is the first of `count`
// channels.
void write_kernel(const float* sums, std::int64_t patch, int count, int out_channels,
                  bool accumulate, float* dkernel) {
  for (int o = 0; o < count; o += W) {
    for (std::int64_t p = 0; p < patch; p += W) {
      V rows[W];
      PYCNN_UNROLL
      for (int i = 0; i < W; ++i) {
        rows[i] = o + i < count ? load(sums + (o + i) * patch + p) : V{};
      }
      transpose(rows);
      alignas(64) float columns[W * W];
      PYCNN_UNROLL
      for (int i = 0; i < W; ++i) store(columns + i * W, rows[i]);
      for (int i = 0; i < W; ++i) {
        put(columns + i * W, count - o, accumulate, dkernel + (p + i) * out_channels + o);
      }
    }
  }
}

}  // namespace

std::int64_t conv2d_pool_backward_params_scratch(const Conv2dGeometry& g, int /*images*/) {
  return std::int64_t{g.kernel_height} * g.kernel_width * g.in_channels * g.out_channels;
}

void conv2d_pool_backward_params(Team& team, const Conv2dGeometry& g, ConstChannelView x,
                                 ConstChannelView dy, ConstChannelCodes code, bool accumulate,
                                 float* scratch, float* dkernel, float* dbias) {
  const std::int64_t patch = std::int64_t{g.kernel_height} * g.kernel_width * g.in_channels;
  const std::int64_t fit = kSums / patch;
  const std::int64_t most = fit < 1 ? 1 : fit < kChannels ? fit : kChannels;
  const Share mine = share(team, g.out_channels);
  Terms terms;
  for (std::int64_t first = mine.begin; first < mine.end; first += most) {
    const int count = static_cast<int>(mine.end - first < most ? mine.end - first : most);
    float* sums = scratch + first * patch;
    float bias[kChannels] = {};
    clear(sums, count * patch);
    for_window_tiles(g, dy, [&](const Tile& tile) {
      list_terms(g, x, dy, code, tile, static_cast<int>(first), count, terms);
      const float* corner = x.at(tile.n, 2 * tile.row * g.stride_height - g.pad_top,
                                 2 * tile.column * g.stride_width - g.pad_left);
      add_tile(g, corner, x.row, terms, count, sums);
      for (int o = 0; o < count; ++o) bias[o] += terms.gradients[o];
    });
    write_kernel(sums, patch, count, g.out_channels, accumulate, dkernel + first);
    if (dbias == nullptr) continue;
    for (int o = 0; o < count; ++o) {
      dbias[first + o] = accumulate ? dbias[first + o] + bias[o] : bias[o];
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
