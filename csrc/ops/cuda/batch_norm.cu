#include <algorithm>

#include "ops/batch_norm.h"
#include "ops/cuda/channel_tile.cuh"
#include "ops/cuda/nhwc.cuh"

// Bytes bound the kernels that go over x. Those between them have a thread for each channel and are
// short. `partial` is [part][2][channels], `statistics` and `means` are [2][channels].

namespace pycnn::cuda {
namespace {

constexpr int kTileThreads = 1024;         // there are few blocks, so that they should be large
constexpr std::int64_t kPositions = 1024;  // of a part, about: some for each thread
constexpr std::int64_t kMostParts = 128;   // fills any device; more would make combining slow

// Part p of `parts` has the positions from begin to end: all parts the same number, within one.
struct Part {
  std::uint32_t begin, end;
};

__device__ Part part_of(std::uint32_t p, std::uint32_t parts, std::uint32_t positions) {
  const std::uint64_t n = positions;
  return {static_cast<std::uint32_t>(n * p / parts),
          static_cast<std::uint32_t>(n * (p + 1) / parts)};
}

__device__ float inverse_deviation(double variance, float epsilon) {
  return static_cast<float>(1.0 / sqrt(variance + static_cast<double>(epsilon)));
}

__global__ void __launch_bounds__(kTileThreads)
    statistics_kernel(std::uint32_t positions, std::uint32_t parts, std::uint32_t channels,
                      std::uint32_t groups, const float* x, float* partial) {
  __shared__ float shared[kTileThreads];
  const ChannelOfPart at = channel_of_part(groups);
  const bool inside = at.channel < channels;
  const Part part = part_of(at.part, parts, positions);
  const std::uint32_t end = inside ? part.end : part.begin;
  const float n = static_cast<float>(part.end - part.begin);
  x += at.channel;
  const float share =
      sum_share<float>(part.begin, end, [&](std::uint32_t i) { return x[i * channels]; });
  const float mean = reduce_rows(shared, share, Sum{}) / n;
  // A second pass, for the squares of the numbers themselves would cancel.
  const float squares = sum_share<float>(part.begin, end, [&](std::uint32_t i) {
    const float d = x[i * channels] - mean;
    return d * d;
  });
  const float deviation = reduce_rows(shared, squares, Sum{});
  if (threadIdx.y > 0 || !inside) return;
  float* const to = partial + at.part * 2 * channels + at.channel;
  to[0] = mean;
  to[channels] = deviation;
}

// The batch's statistics from those of its parts: deviations from the part's own mean and of that
// mean from the batch's. In double, and so without the loss that one pass over x would have.
__global__ void combine_kernel(BatchNormOptions options, std::uint32_t positions,
                               std::uint32_t parts, std::uint32_t channels, const float* partial,
                               float* statistics, float* moving_mean, float* moving_variance) {
  const std::int64_t index = global_index();
  if (index >= channels) return;
  const std::uint32_t c = static_cast<std::uint32_t>(index);
  const auto count = [&](std::uint32_t p) {
    const Part part = part_of(p, parts, positions);
    return static_cast<double>(part.end - part.begin);
  };
  double sum = 0, deviation = 0;
  for (std::uint32_t p = 0; p < parts; ++p) {
    sum += count(p) * static_cast<double>(partial[p * 2 * channels + c]);
  }
  const double mean = sum / positions;
  for (std::uint32_t p = 0; p < parts; ++p) {
    const float* const part = partial + p * 2 * channels + c;
    const double delta = static_cast<double>(part[0]) - mean;
    deviation += static_cast<double>(part[channels]) + count(p) * delta * delta;
  }
  const double variance = deviation / positions;
  statistics[c] = static_cast<float>(mean);
  statistics[channels + c] = inverse_deviation(variance, options.epsilon);
  const float keep = options.momentum;
  moving_mean[c] = keep * moving_mean[c] + (1.0f - keep) * static_cast<float>(mean);
  moving_variance[c] = keep * moving_variance[c] + (1.0f - keep) * static_cast<float>(variance);
}

__global__ void moving_kernel(float epsilon, std::int64_t channels, const float* moving_mean,
                              const float* moving_variance, float* statistics) {
  const std::int64_t c = global_index();
  if (c >= channels) return;
  statistics[c] = moving_mean[c];
  statistics[channels + c] = inverse_deviation(moving_variance[c], epsilon);
}

// gamma / deviation
__device__ float scale_of(const float* inverse, const float* gamma, int c) {
  return inverse[c] * (gamma != nullptr ? gamma[c] : 1.0f);
}

__global__ void forward_kernel(std::int64_t size, int channels, Divider by_channels, const float* x,
                               const float* statistics, const float* gamma, const float* beta,
                               float* y) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  const int c = channel_of(by_channels, i);
  const float shift = beta != nullptr ? beta[c] : 0.0f;
  y[i] = (x[i] - statistics[c]) * scale_of(statistics + channels, gamma, c) + shift;
}

struct Pair {
  float dy, dyh;
  __device__ Pair operator+(Pair other) const { return {dy + other.dy, dyh + other.dyh}; }
};

__global__ void __launch_bounds__(kTileThreads)
    backward_sums_kernel(std::uint32_t positions, std::uint32_t parts, std::uint32_t channels,
                         std::uint32_t groups, const float* dy, const float* x,
                         const float* statistics, float* partial) {
  __shared__ Pair shared[kTileThreads];
  const ChannelOfPart at = channel_of_part(groups);
  const bool inside = at.channel < channels;
  const Part part = part_of(at.part, parts, positions);
  const float mean = inside ? statistics[at.channel] : 0.0f;
  const Pair share =
      sum_share<Pair>(part.begin, inside ? part.end : part.begin, [&](std::uint32_t position) {
        const std::uint32_t i = position * channels + at.channel;
        return Pair{dy[i], dy[i] * (x[i] - mean)};
      });
  const Pair sums = reduce_rows(shared, share, Sum{});
  if (threadIdx.y > 0 || !inside) return;
  float* const to = partial + at.part * 2 * channels + at.channel;
  to[0] = sums.dy;
  to[channels] = sums.dyh * statistics[channels + at.channel];
}

__global__ void backward_combine_kernel(double positions, std::uint32_t parts,
                                        std::uint32_t channels, const float* partial, float* means,
                                        bool accumulate, float* dgamma, float* dbeta) {
  const std::int64_t index = global_index();
  if (index >= channels) return;
  const std::uint32_t c = static_cast<std::uint32_t>(index);
  double sum_dy = 0, sum_dyh = 0;
  for (std::uint32_t p = 0; p < parts; ++p) {
    sum_dy += static_cast<double>(partial[p * 2 * channels + c]);
    sum_dyh += static_cast<double>(partial[(p * 2 + 1) * channels + c]);
  }
  means[c] = static_cast<float>(sum_dy / positions);
  means[channels + c] = static_cast<float>(sum_dyh / positions);
  const auto give = [&](float* gradient, double sum) {
    if (gradient == nullptr) return;
    gradient[c] = (accumulate ? gradient[c] : 0.0f) + static_cast<float>(sum);
  };
  give(dbeta, sum_dy);
  give(dgamma, sum_dyh);
}

__global__ void backward_input_kernel(std::int64_t size, int channels, Divider by_channels,
                                      const float* dy, const float* x, const float* statistics,
                                      const float* gamma, const float* means, float* dx) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  const int c = channel_of(by_channels, i);
  const float* const inverse = statistics + channels;
  const float scale = scale_of(inverse, gamma, c);
  if (means == nullptr) {  // mean and variance are constants
    dx[i] = dy[i] * scale;
    return;
  }
  const float h_part = (x[i] - statistics[c]) * (means[channels + c] * inverse[c]);
  dx[i] = (dy[i] - means[c] - h_part) * scale;
}

ChannelTile tile_for(ConstView x) {
  const std::int64_t parts = batch_norm_parts(x);
  return {x.channels, (x.positions() + parts - 1) / parts, kTileThreads};
}

}  // namespace

int batch_norm_parts(ConstView x) {
  const std::int64_t most = std::min(std::int64_t{8} * ((x.batch + 15) / 16), kMostParts);
  return static_cast<int>(std::clamp<std::int64_t>(x.positions() / kPositions, 1, most));
}

void batch_norm_statistics(ConstView x, float* partial, Stream stream) {
  const int parts = batch_norm_parts(x);
  const ChannelTile tile = tile_for(x);
  run(statistics_kernel, tile.grid(parts), stream, x.positions(), parts, x.channels, tile.groups,
      x.data, partial);
}

void batch_norm_combine(const BatchNormOptions& options, ConstView x, const float* partial,
                        float* statistics, float* moving_mean, float* moving_variance,
                        Stream stream) {
  run_each(x.channels, combine_kernel, stream, options, x.positions(), batch_norm_parts(x),
           x.channels, partial, statistics, moving_mean, moving_variance);
}

void batch_norm_moving(const BatchNormOptions& options, int channels, const float* moving_mean,
                       const float* moving_variance, float* statistics, Stream stream) {
  run_each(channels, moving_kernel, stream, options.epsilon, channels, moving_mean, moving_variance,
           statistics);
}

void batch_norm_forward(ConstView x, const float* statistics, const float* gamma, const float* beta,
                        View y, Stream stream) {
  run_each(x.size(), forward_kernel, stream, x.size(), x.channels,
           Divider(static_cast<unsigned>(x.channels)), x.data, statistics, gamma, beta, y.data);
}

void batch_norm_backward_sums(ConstView dy, ConstView x, const float* statistics, float* partial,
                              Stream stream) {
  const int parts = batch_norm_parts(x);
  const ChannelTile tile = tile_for(x);
  run(backward_sums_kernel, tile.grid(parts), stream, x.positions(), parts, x.channels, tile.groups,
      dy.data, x.data, statistics, partial);
}

void batch_norm_backward_combine(ConstView dy, const float* partial, float* means, bool accumulate,
                                 float* dgamma, float* dbeta, Stream stream) {
  run_each(dy.channels, backward_combine_kernel, stream, dy.positions(), batch_norm_parts(dy),
           dy.channels, partial, means, accumulate, dgamma, dbeta);
}

void batch_norm_backward_input(ConstView dy, ConstView x, const float* statistics,
                               const float* gamma, const float* means, View dx, Stream stream) {
  run_each(x.size(), backward_input_kernel, stream, x.size(), x.channels,
           Divider(static_cast<unsigned>(x.channels)), dy.data, x.data, statistics, gamma, means,
           dx.data);
}

}  // namespace pycnn::cuda
