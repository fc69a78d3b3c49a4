#include "ops/cpu/channels/conv2d_gradient.h"
#include "ops/cpu/channels/conv2d_passes.h"
#include "ops/cpu/channels/conv2d_winograd.h"

namespace pycnn::cpu::PYCNN_ISA::channels {
namespace {

// Below so many weights the rows of all images are cut into chunks, each summed by one thread into
// partial sums of its own; above, the kernel itself is dealt out.
constexpr std::int64_t kSmallKernel = 16 * 1024;
constexpr int kChunks = 16;
constexpr int kChunkPositions = 64;  // at least, so that sums are longer than what ends them

std::int64_t weight_count(const Conv2dGeometry& g) {
  return std::int64_t{g.kernel_height} * g.kernel_width * g.in_channels * g.out_channels;
}

std::int64_t chunk_count(const Conv2dGeometry& g, int images) {
  const std::int64_t rows = std::int64_t{images} * g.out_height;
  const std::int64_t together = (kChunkPositions + g.out_width - 1) / g.out_width;
  const std::int64_t chunks = (rows + together - 1) / together;
  return chunks < kChunks ? chunks : kChunks;
}

std::int64_t aligned(std::int64_t floats) { return (floats + kLanes - 1) / kLanes * kLanes; }

// total[i] = or += the sum over the chunks of partial[chunk * stride + i].
void add_partial_sums(const Team& team, const float* partial, std::int64_t stride,
                      std::int64_t chunks, std::int64_t count, bool accumulate, float* total) {
  const Share mine = share(team, (count + W - 1) / W);
  for (std::int64_t i = mine.begin * W; i < mine.end * W; i += W) {
    V sum = load(partial + i);
    for (std::int64_t c = 1; c < chunks; ++c) sum += load(partial + c * stride + i);
    alignas(64) float sums[W];
    store(sums, sum);
    put(sums, count - i, accumulate, total + i);
  }
}

}  // namespace

std::int64_t conv2d_backward_params_scratch(const Conv2dGeometry& g, int images) {
  if (winograd::suits(g)) return winograd::sum_kernel_scratch(g, images);
  if (weight_count(g) >= kSmallKernel) return 0;
  return chunk_count(g, images) * (aligned(weight_count(g)) + aligned(g.out_channels));
}

void conv2d_backward_params(Team& team, const Conv2dGeometry& g, ConstChannelView x,
                            ConstChannelView dz, bool accumulate, float* scratch, float* dkernel,
                            float* dbias) {
  const std::int64_t rows = std::int64_t{dz.images} * dz.height;
  const int vectors = vectors_of(g.out_channels);
  if (winograd::suits(g)) {
    if (dbias != nullptr) sum_bias(dz, {0, rows}, share(team, vectors), accumulate, dbias);
    winograd::sum_kernel(team, g, x, dz, accumulate, scratch, dkernel);
    return;
  }
  const Entries entries(g);
  if (weight_count(g) >= kSmallKernel) {
    sum_kernel(g, entries, x, dz, {0, rows}, share(team, entries.tiles()), accumulate, dkernel);
    if (dbias != nullptr) sum_bias(dz, {0, rows}, share(team, vectors), accumulate, dbias);
    return;
  }
  const std::int64_t chunks = chunk_count(g, dz.images);
  const std::int64_t kernel_stride = aligned(weight_count(g)), bias_stride = aligned(dz.channels);
  float* bias_partial = scratch + chunks * kernel_stride;
  const Share mine = share(team, chunks);
  for (std::int64_t c = mine.begin; c < mine.end; ++c) {
    const Share part{rows * c / chunks, rows * (c + 1) / chunks};
    sum_kernel(g, entries, x, dz, part, {0, entries.tiles()}, false, scratch + c * kernel_stride);
    if (dbias != nullptr) sum_bias(dz, part, {0, vectors}, false, bias_partial + c * bias_stride);
  }
  team.barrier();
  add_partial_sums(team, scratch, kernel_stride, chunks, weight_count(g), accumulate, dkernel);
  if (dbias != nullptr) {
    add_partial_sums(team, bias_partial, bias_stride, chunks, dz.channels, accumulate, dbias);
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
