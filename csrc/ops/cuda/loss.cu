#include "ops/cuda/reduce.cuh"
#include "ops/loss.h"

namespace pycnn::cuda {
namespace {

// Threads of a block, which does one image: enough for 1000 classes, and 10 waste little.
constexpr int kLossThreads = 128;

// What a block knows of its image.
struct Image {
  int classes;
  const float* z;
  const float* rows;   // targets, or null
  std::int64_t label;  // without rows
  float* dz;           // or null

  __device__ float target(int c) const {
    return rows != nullptr ? rows[c] : c == label ? 1.0f : 0.0f;
  }
};

__device__ Image image(ConstView z, const Targets& t, View dz) {
  const int i = blockIdx.x;
  const int classes = z.height * z.width * z.channels;
  const std::int64_t at = std::int64_t{i} * classes;
  Image m{classes, z.data + at, nullptr, 0, dz.data != nullptr ? dz.data + at : nullptr};
  if (t.rows != nullptr) {
    m.rows = t.rows + at;
  } else {
    const Step& step = *t.labels.step;
    const std::int64_t position = step.first + i;
    const std::int64_t row = step.order != nullptr ? step.order[position] : position;
    m.label = static_cast<const std::int64_t*>(*t.labels.data)[row];
  }
  return m;
}

// The class that the image belongs to: its label, or the first largest of its row.
__device__ int true_class(const Image& m) {
  if (m.rows == nullptr) return static_cast<int>(m.label);
  int best = 0;
  for (int c = 1; c < m.classes; ++c) {
    if (m.rows[c] > m.rows[best]) best = c;
  }
  return best;
}

__device__ void write_rank(const Image& m, std::int32_t* ranks) {
  const int truth = true_class(m);
  const float mine = m.z[truth];
  int higher = 0;
  for (int c = threadIdx.x; c < m.classes; c += blockDim.x) {
    higher += (c < truth ? m.z[c] >= mine : m.z[c] > mine) ? 1 : 0;
  }
  higher = block_sum(higher);
  if (threadIdx.x == 0) ranks[blockIdx.x] = mine == mine ? higher : m.classes;
}

__device__ void write_loss(const Image& m, float value, float* losses, Step* step) {
  if (threadIdx.x > 0) return;
  losses[blockIdx.x] = value;
  if (m.dz != nullptr && !isfinite(value)) step->failed = 1;
}

// The largest of all threads' values, NaN if one is NaN.
__device__ float block_max(float value) {
  __shared__ float largest[kLossThreads];
  __syncthreads();
  largest[threadIdx.x] = value;
  __syncthreads();
  for (int half = kLossThreads / 2; half > 0; half /= 2) {
    if (static_cast<int>(threadIdx.x) < half) {
      const float other = largest[threadIdx.x + half];
      float& mine = largest[threadIdx.x];
      mine = other > mine || other != other ? other : mine;
    }
    __syncthreads();
  }
  return largest[0];
}

__global__ void softmax_cross_entropy(ConstView z, Targets t, float scale, float* losses,
                                      std::int32_t* ranks, View dz, Step* step) {
  const Image m = image(z, t, dz);
  float largest = -INFINITY;
  for (int c = threadIdx.x; c < m.classes; c += blockDim.x) {
    largest = m.z[c] > largest || m.z[c] != m.z[c] ? m.z[c] : largest;
  }
  largest = block_max(largest);
  float sum = 0, target_sum = 0, value = 0;
  for (int c = threadIdx.x; c < m.classes; c += blockDim.x) {
    const float shifted = m.z[c] - largest, tc = m.target(c);
    sum += expf(shifted);
    target_sum += tc;
    value -= tc == 0.0f ? 0.0f : tc * shifted;
  }
  sum = block_sum(sum);
  target_sum = block_sum(target_sum);
  value = block_sum(value);
  write_loss(m, value + target_sum * logf(sum), losses, step);
  write_rank(m, ranks);
  if (m.dz == nullptr) return;
  const float share = target_sum / sum;
  for (int c = threadIdx.x; c < m.classes; c += blockDim.x) {
    m.dz[c] = (expf(m.z[c] - largest) * share - m.target(c)) * scale;
  }
}

__device__ float clip_probability(float p) {
  const float raised = p < kProbabilityFloor ? kProbabilityFloor : p;
  return raised > 1.0f - kProbabilityFloor ? 1.0f - kProbabilityFloor : raised;
}

__global__ void cross_entropy(ConstView p, Targets t, float scale, float* losses,
                              std::int32_t* ranks, View dp, Step* step) {
  const Image m = image(p, t, dp);
  float sum = 0, target_sum = 0, value = 0;
  for (int c = threadIdx.x; c < m.classes; c += blockDim.x) {
    const float clipped = clip_probability(m.z[c]), tc = m.target(c);
    sum += clipped;
    target_sum += tc;
    value -= tc * logf(clipped);
  }
  sum = block_sum(sum);
  target_sum = block_sum(target_sum);
  value = block_sum(value);
  write_loss(m, value + target_sum * logf(sum), losses, step);
  write_rank(m, ranks);
  if (m.dz == nullptr) return;
  for (int c = threadIdx.x; c < m.classes; c += blockDim.x) {
    const float clipped = clip_probability(m.z[c]);
    m.dz[c] = m.z[c] != clipped ? 0.0f : (target_sum / sum - m.target(c) / clipped) * scale;
  }
}

__global__ void mean_squared_error(ConstView p, Targets t, float scale, float* losses,
                                   std::int32_t* ranks, View dp, Step* step) {
  const Image m = image(p, t, dp);
  const float n = static_cast<float>(m.classes);
  float sum = 0;
  for (int c = threadIdx.x; c < m.classes; c += blockDim.x) {
    const float difference = m.z[c] - m.target(c);
    sum += difference * difference;
    if (m.dz != nullptr) m.dz[c] = difference * (scale * (2.0f / n));
  }
  write_loss(m, block_sum(sum) / n, losses, step);
  write_rank(m, ranks);
}

}  // namespace

void loss(LossKind kind, ConstView z, const Targets& targets, float scale, float* losses,
          std::int32_t* ranks, View dz, Step* step, Stream stream) {
  const auto kernel = kind == LossKind::softmax_cross_entropy ? softmax_cross_entropy
                      : kind == LossKind::cross_entropy       ? cross_entropy
                                                              : mean_squared_error;
  const Grid grid{dim3(static_cast<unsigned>(z.batch)), dim3(kLossThreads), 0};
  run(kernel, grid, stream, z, targets, scale, losses, ranks, dz, step);
}

}  // namespace pycnn::cuda
