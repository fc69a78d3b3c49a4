#include "ops/cpu/channels/conv2d_passes.h"
#include "ops/cpu/channels/conv2d_weights.h"
#include "ops/cpu/channels/conv2d_winograd.h"
#include "ops/cpu/window_maximum.h"

// conv2d fused with ReLU and 2x2 max pooling, without dilation.
namespace pycnn::cpu::PYCNN_ISA::channels {
namespace {

// Some pooling windows of one tile of output vectors, in a buffer that stays in the cache: the
// convolution's pixels, `2 * windows` a row, two rows for each row of windows.
constexpr int kBufferFloats = 16 * 1024;

struct Windows {
  std::int64_t row;  // first row of windows, counted through all images
  int rows, column, columns;
  int vector, vectors;
  std::int64_t pixel() const { return std::int64_t{vectors} * W; }
  std::int64_t line() const { return 2 * columns * pixel(); }
};

// The convolution at the windows' pixels.
void convolve(const Conv2dGeometry& g, const ConstChannelView& x, const float* kernel,
              const float* bias, int pooled_height, const Windows& windows, float* packed,
              float* buffer) {
  const int taps = g.kernel_height * g.kernel_width;
  const Split blocks(g.in_channels, block_terms(taps, windows.vectors));
  for (int k = 0, channel = 0; k < blocks.parts; channel += blocks.size(k++)) {
    const Weights weights = block_weights(
        g, x, kernel, {windows.vector, windows.vectors, channel, blocks.size(k)}, packed);
    const float* start = bias != nullptr ? bias + windows.vector * W : nullptr;
    for (int line = 0; line < 2 * windows.rows; ++line) {
      const std::int64_t r = windows.row + line / 2;
      const std::int64_t h = r % pooled_height * 2 + line % 2;
      float* out = buffer + line * windows.line();
      const float* in = x.at(r / pooled_height, h * g.stride_height - g.pad_top,
                             2 * windows.column * g.stride_width - g.pad_left);
      const Row row{in + channel,
                    g.stride_width * x.pixel(),
                    k > 0 ? out : start,
                    k > 0 ? windows.pixel() : 0,
                    out,
                    windows.pixel(),
                    false};
      product(windows.vectors, weights.sum, row, 2 * windows.columns, weights.data);
    }
  }
}

// The window's pixels are at z and `line` floats later.
PYCNN_INLINE void pool_pixels(const float* z, std::int64_t pixel, std::int64_t line,
                              bool relu_after, float* y, std::uint8_t* code) {
  const V values[4] = {load(z), load(z + pixel), load(z + line), load(z + line + pixel)};
  V best;
  VI place;
  window_maximum(values, relu_after, best, place);
  store(y, best);
  store_bytes(code, place);
}

void pool(const Windows& windows, const float* buffer, bool relu_after, const ChannelView& y,
          const ChannelCodes& code) {
  for (int i = 0; i < windows.rows; ++i) {
    const std::int64_t r = windows.row + i;
    for (int w = 0; w < windows.columns; ++w) {
      const float* z = buffer + 2 * i * windows.line() + 2 * w * windows.pixel();
      float* out = y.at(r / y.height, r % y.height, windows.column + w) + windows.vector * W;
      std::uint8_t* places =
          code.at(r / y.height, r % y.height, windows.column + w) + windows.vector * W;
      for (int o = 0; o < windows.vectors * W; o += W) {
        pool_pixels(z + o, windows.pixel(), windows.line(), relu_after, out + o, places + o);
      }
    }
  }
}

}  // namespace

void conv2d_forward_pool(Team& team, const Conv2dGeometry& g, ConstChannelView x,
                         const float* kernel, const float* bias, bool relu_after, ChannelView y,
                         ChannelCodes code) {
  if (pixels_fill_more(g, x)) {
    conv2d_forward_pool_pixels(team, g, x, kernel, bias, relu_after, y, code);
    return;
  }
  if (winograd::suits(g)) {
    const auto product = winograd::forward_product(g, x, kernel, bias, relu_after, {});
    winograd::multiply_pool(team, product, y, code);
    return;
  }
  static_assert((kBlockFloats + kBufferFloats) * sizeof(float) <= kWorkspaceBytes);
  auto* packed = reinterpret_cast<float*>(team.workspace());
  float* buffer = packed + kBlockFloats;
  const std::int64_t rows = std::int64_t{y.images} * y.height;
  for_tiles(team, vectors_of(g.out_channels), rows,
            [&](int vector, int vectors, std::int64_t begin, std::int64_t end) {
              const int most = kBufferFloats / (4 * vectors * W);
              const Split columns(y.width, most);
              const int together = most / columns.size(0);
              for (std::int64_t r = begin; r < end; r += together) {
                const int count = static_cast<int>(end - r < together ? end - r : together);
                for (int c = 0, column = 0; c < columns.parts; column += columns.size(c++)) {
                  const Windows windows{r, count, column, columns.size(c), vector, vectors};
                  convolve(g, x, kernel, bias, y.height, windows, packed, buffer);
                  pool(windows, buffer, relu_after, y, code);
                }
              }
            });
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
