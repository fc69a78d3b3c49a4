#include "ops/cpu/channels/conv2d_passes.h"
#include "ops/cpu/tile.h"
#include "ops/cpu/transpose.h"
#include "ops/cpu/window_maximum.h"

// conv2d fused with ReLU and 2x2 max pooling on pictures of one channel, to few: channels would
// fill few of the lanes, so here they are neighbouring pixels of a row until the result is
// transposed.
namespace pycnn::cpu::PYCNN_ISA::channels {
namespace {

constexpr int kMostChannels = W / 2;
// Beside the 4 vectors of pixels of a tile's windows.
constexpr int kTileChannels = kAccumulators / 4 < kMostChannels ? kAccumulators / 4 : kMostChannels;
// Floats of a picture with its padding, in a buffer that tiles may read beyond the last column.
constexpr int kPictureFloats = 8 * 1024;

struct Picture {
  int rows, columns;   // that the windows see
  std::int64_t pitch;  // of a row in the buffer: for whole tiles
  explicit Picture(const Conv2dGeometry& g)
      : rows(g.out_height / 2 * 2 - 1 + g.kernel_height),
        columns(g.out_width / 2 * 2 - 1 + g.kernel_width),
        pitch(std::int64_t{columns} + 2 * W) {}
};

void copy_picture(const Conv2dGeometry& g, const Picture& p, const ConstChannelView& x,
                  std::int64_t n, float* buffer) {
  for (int h = 0; h < p.rows; ++h, buffer += p.pitch) {
    const float* from = x.at(n, h - g.pad_top, -g.pad_left);
    for (int w = 0; w < p.columns; ++w) buffer[w] = from[w];
    for (std::int64_t w = p.columns; w < p.pitch; ++w) buffer[w] = 0.0f;
  }
}

// Every second lane of a and b: the even ones, or the odd.
template <int Odd, int... Lane>
PYCNN_INLINE V every_second(V a, V b, std::integer_sequence<int, Lane...>) {
  return PYCNN_SHUFFLE(a, b, (2 * Lane + Odd)...);
}

// W windows side by side, C channels of them: the pooled values and their places, a channel in each
// vector. `x` is the first pixel that the first window sees.
template <int C>
void windows_tile(const Conv2dGeometry& g, const float* x, std::int64_t pitch, const float* kernel,
                  const float* bias, bool relu_after, V* best, VI* place) {
  V acc[C][4];  // 2 W pixels of the windows' upper row, and of the lower
  PYCNN_UNROLL
  for (int c = 0; c < C; ++c) {
    PYCNN_UNROLL
    for (int i = 0; i < 4; ++i) acc[c][i] = bias != nullptr ? splat(bias[c]) : V{};
  }
  for (int a = 0; a < g.kernel_height; ++a, x += pitch) {
    for (int b = 0; b < g.kernel_width; ++b, kernel += g.out_channels) {
      const V v[4] = {load_unaligned(x + b), load_unaligned(x + b + W),
                      load_unaligned(x + b + pitch), load_unaligned(x + b + pitch + W)};
      PYCNN_UNROLL
      for (int c = 0; c < C; ++c) {
        const V weight = splat(kernel[c]);
        PYCNN_UNROLL
        for (int i = 0; i < 4; ++i) acc[c][i] += v[i] * weight;
      }
    }
  }
  using Lanes = std::make_integer_sequence<int, W>;
  PYCNN_UNROLL
  for (int c = 0; c < C; ++c) {
    const V values[4] = {every_second<0>(acc[c][0], acc[c][1], Lanes()),
                         every_second<1>(acc[c][0], acc[c][1], Lanes()),
                         every_second<0>(acc[c][2], acc[c][3], Lanes()),
                         every_second<1>(acc[c][2], acc[c][3], Lanes())};
    window_maximum(values, relu_after, best[c], place[c]);
  }
}

// Writes the first `count` windows, channels in the lanes.
PYCNN_INLINE void write_windows(V (&best)[W], const VI (&place)[kMostChannels], int count,
                                const ChannelView& y, const ChannelCodes& code, std::int64_t n,
                                int h, int w) {
  V places[W];
  PYCNN_UNROLL
  for (int c = 0; c < kMostChannels; ++c) places[c] = as_float(place[c]);
  transpose<kMostChannels>(best);
  transpose<kMostChannels>(places);
  PYCNN_UNROLL
  for (int i = 0; i < W; ++i) {
    if (i >= count) continue;
    store(y.at(n, h, w + i), best[i]);
    store_bytes(code.at(n, h, w + i), as_int(places[i]));
  }
}

}  // namespace

bool pixels_fill_more(const Conv2dGeometry& g, const ConstChannelView& x) {
  const Picture p(g);
  return g.in_channels == 1 && !x.filled_up && g.stride_height == 1 && g.stride_width == 1 &&
         g.out_channels <= kMostChannels && p.rows * p.pitch <= kPictureFloats;
}

void conv2d_forward_pool_pixels(const Team& team, const Conv2dGeometry& g, ConstChannelView x,
                                const float* kernel, const float* bias, bool relu_after,
                                ChannelView y, ChannelCodes code) {
  alignas(64) float buffer[kPictureFloats];
  const Picture picture(g);
  const Share rows = share(team, std::int64_t{y.images} * y.height);
  for (std::int64_t r = rows.begin; r < rows.end; ++r) {
    const std::int64_t n = r / y.height;
    const int h = static_cast<int>(r % y.height);
    if (r == rows.begin || h == 0) copy_picture(g, picture, x, n, buffer);
    for (int w = 0; w < y.width; w += W) {
      V best[W];
      VI place[kMostChannels];
      PYCNN_UNROLL
      for (int c = 0; c < kMostChannels; ++c) best[c] = V{}, place[c] = VI{};
      for_parts<kTileChannels>(g.out_channels, [&](int c, auto channels) {
        windows_tile<channels.value>(g, buffer + 2 * (h * picture.pitch + w), picture.pitch,
                                     kernel + c, bias != nullptr ? bias + c : nullptr, relu_after,
                                     best + c, place + c);
      });
      write_windows(best, place, y.width - w, y, code, n, h, w);
    }
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
