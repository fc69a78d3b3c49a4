#include "ops/cpu/channels/conv2d_passes.h"
#include "ops/cpu/channels/conv2d_weights.h"

namespace pycnn::cpu::PYCNN_ISA::channels {

// The input channels are cut into blocks, so that the weights of a block stay in the cache while
// all rows pass; from block to block the sums are kept in y.
void conv2d_forward(Team& team, const Conv2dGeometry& g, ConstChannelView x, const float* kernel,
                    const float* bias, bool relu_after, ChannelView y) {
  alignas(64) float packed[kBlockFloats];
  const std::int64_t rows = std::int64_t{y.images} * y.height;
  for_tiles(team, vectors_of(g.out_channels), rows,
            [&](int vector, int vectors, std::int64_t begin, std::int64_t end) {
              const Split blocks(g.in_channels,
                                 block_terms(g.kernel_height * g.kernel_width, vectors));
              for (int k = 0, channel = 0; k < blocks.parts; channel += blocks.size(k++)) {
                const Weights weights =
                    block_weights(g, x, kernel, {vector, vectors, channel, blocks.size(k)}, packed);
                const float* start = bias != nullptr ? bias + vector * W : nullptr;
                for (std::int64_t r = begin; r < end; ++r) {
                  const std::int64_t n = r / y.height, h = r % y.height;
                  float* out = y.at(n, h, 0) + vector * W;
                  const float* in = x.at(n, h * g.stride_height - g.pad_top, -g.pad_left) + channel;
                  const Row row{in,
                                g.stride_width * x.pixel(),
                                k > 0 ? out : start,
                                k > 0 ? y.pixel() : 0,
                                out,
                                y.pixel(),
                                relu_after && k == blocks.parts - 1};
                  product(vectors, weights.sum, row, y.width, weights.data);
                }
              }
            });
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
