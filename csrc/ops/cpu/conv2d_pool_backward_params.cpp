#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_patches.h"
#include "ops/cpu/conv2d_split.h"
#include "ops/cpu/conv2d_tile.h"

// The weights' gradient of conv2d with pooling, without the gradient of the convolution's output.
namespace pycnn::cpu::PYCNN_ISA {
namespace {

constexpr int kCopied = 8;  // vectors of a run at a time

template <int N>
void copy_runs(const PatchColumns& p, std::int64_t step, const float* image, float* columns) {
  for (int c = 0; c < p.columns; ++c, image += step) {
    const float* from = image;
    for (int h = 0; h < p.rows; ++h, from += p.image_row, columns += p.pitch) {
      PYCNN_UNROLL
      for (int n = 0; n < N; ++n) store(columns + n * W, load_unaligned(from + n * W));
    }
  }
}

}  // namespace

void conv2d_pool_backward_params(const Conv2dGeometry& g, ConstView x, ConstView dy,
                                 const std::uint8_t* code, bool accumulate, float* scratch,
                                 float* dkernel, float* dbias) {
  const PatchColumns p(g);
  const PoolBackwardParamsScratch s(g);
  float* columns = scratch + s.columns;
  float* patches = scratch + s.dkernel;
  std::int32_t* offsets = reinterpret_cast<std::int32_t*>(scratch + s.offsets);
  split_images(g, p, x, scratch + s.images);
  // Where in the columns a window's patches begin.
  split_gradients(dy, code, s.gradients,
                  {static_cast<std::int32_t>(p.column()), static_cast<std::int32_t>(p.down)},
                  scratch + s.dy, offsets,
                  [&](int h, int w, int) { return 2 * (h * p.down + w * p.column()); });
  std::uint32_t* masks = reinterpret_cast<std::uint32_t*>(scratch + s.masks);
  const LiveMasks live{dy.channels, dy.height * dy.width, kLanes,
                       std::int64_t{dy.channels} * kLanes};
  find_live(live, code, masks, [](VI place) { return place != 4; });
  clear(patches, g.out_channels * p.patch);
  for (int l = 0; l < kLanes; ++l) {
    for_parts<kCopied>(p.pitch / W, [&](int first, auto n) {
      copy_runs<n.value>(p, std::int64_t{g.stride_width} * g.in_channels,
                         scratch + s.images + l * p.image + first * W, columns + first * W);
    });
    for_parts<kPatchVectors>(p.patch / W, [&](int first, auto n) {
      for (int o = 0; o < g.out_channels; ++o) {
        const std::int64_t at = l * s.gradients + o;
        const ChannelWindows windows{masks + o * live.row() + l, live.words(), g.out_channels,
                                     scratch + s.dy + at, offsets + at};
        add_patches<n.value>(columns + first * W, windows, patches + o * p.patch + first * W);
      }
    });
  }
  write_kernel(g, p, patches, accumulate, dkernel);
  if (dbias != nullptr) backward_pooled_bias(dy, code, accumulate, dbias);
}

}  // namespace pycnn::cpu::PYCNN_ISA
