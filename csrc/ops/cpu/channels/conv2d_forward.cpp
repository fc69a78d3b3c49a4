#include "ops/cpu/channels/conv2d_passes.h"
#include "ops/cpu/channels/conv2d_weights.h"
#include "ops/cpu/channels/conv2d_winograd.h"

namespace pycnn::cpu::PYCNN_ISA::channels {

namespace {

// Output rows, counted through all images, of a tile of output vectors.
struct Part {
  int vector, vectors;
  std::int64_t begin, end;
};

// The input channels are cut into blocks, so that the weights of a block stay in the cache while
// the rows pass; from block to block the sums are kept in y.
void forward_part(const Conv2dGeometry& g, const ConstChannelView& x, const float* kernel,
                  const float* bias, bool relu_after, const Part& part, float* packed,
                  const ChannelView& y) {
  const float* start = bias != nullptr ? bias + part.vector * W : nullptr;
  const Split blocks(g.in_channels, block_terms(g.kernel_height * g.kernel_width, part.vectors));
  for (int k = 0, channel = 0; k < blocks.parts; channel += blocks.size(k++)) {
    const Weights weights =
        block_weights(g, x, kernel, {part.vector, part.vectors, channel, blocks.size(k)}, packed);
    for (std::int64_t r = part.begin; r < part.end; ++r) {
      const std::int64_t n = r / y.height, h = r % y.height;
      const float* in = x.at(n, h * g.stride_height - g.pad_top, -g.pad_left) + channel;
      float* out = y.at(n, h, 0) + part.vector * W;
      const Row row{in,
                    g.stride_width * x.pixel(),
                    k > 0 ? out : start,
                    k > 0 ? y.pixel() : 0,
                    out,
                    y.pixel(),
                    relu_after && k == blocks.parts - 1};
      product(part.vectors, weights.sum, row, y.width, weights.data);
    }
  }
}

}  // namespace

void conv2d_forward(Team& team, const Conv2dGeometry& g, ConstChannelView x, const float* kernel,
                    const float* bias, bool relu_after, ChannelView y) {
  if (winograd::suits(g)) {
    winograd::multiply(team, winograd::forward_product(g, x, kernel, bias, relu_after, y));
    return;
  }
  static_assert(kBlockFloats * sizeof(float) <= kWorkspaceBytes);
  auto* packed = reinterpret_cast<float*>(team.workspace());
  const std::int64_t rows = std::int64_t{y.images} * y.height;
  for_tiles(team, vectors_of(g.out_channels), rows,
            [&](int vector, int vectors, std::int64_t begin, std::int64_t end) {
              for_row_groups(begin, end, y.width, [&](std::int64_t first, std::int64_t last) {
                forward_part(g, x, kernel, bias, relu_after, {vector, vectors, first, last}, packed,
                             y);
              });
            });
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
