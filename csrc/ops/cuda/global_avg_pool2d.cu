#include "ops/cuda/channel_tile.cuh"
#include "ops/cuda/nhwc.cuh"
#include "ops/global_avg_pool2d.h"

namespace pycnn::cuda {
namespace {

__global__ void forward_kernel(std::uint32_t positions, std::uint32_t channels,
                               std::uint32_t groups, const float* x, float* y) {
  __shared__ float shared[kThreads];
  const ChannelOfPart at = channel_of_part(groups);
  const std::uint32_t begin = at.part * positions;  // the parts are the images
  const std::uint32_t end = at.channel < channels ? begin + positions : begin;
  const float share =
      sum_share<float>(begin, end, [&](std::uint32_t i) { return x[i * channels + at.channel]; });
  const float sum = reduce_rows(shared, share, Sum{});
  if (threadIdx.y > 0 || at.channel >= channels) return;
  y[at.part * channels + at.channel] = sum / static_cast<float>(positions);
}

__global__ void backward_kernel(std::int64_t size, Nhwc in, float positions, const float* dy,
                                float* dx) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  const Place p = in.place(i);
  dx[i] = dy[p.image * in.channels + p.c] / positions;
}

}  // namespace

void global_avg_pool2d_forward(ConstView x, View y, Stream stream) {
  const int positions = x.height * x.width;
  const ChannelTile tile(x.channels, positions, kThreads);
  run(forward_kernel, tile.grid(x.batch), stream, positions, x.channels, tile.groups, x.data,
      y.data);
}

void global_avg_pool2d_backward(ConstView dy, View dx, Stream stream) {
  run_each(dx.size(), backward_kernel, stream, dx.size(), Nhwc(dx),
           static_cast<float>(dx.height) * static_cast<float>(dx.width), dy.data, dx.data);
}

}  // namespace pycnn::cuda
