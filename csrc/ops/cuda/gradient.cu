#include "ops/cuda/reduce.cuh"
#include "ops/gradient.h"

namespace pycnn::cuda {
namespace {

// A block for each piece.

__global__ void penalties_kernel(const Piece* pieces, const float* parameters, double* penalties,
                                 Step* step) {
  const Piece p = pieces[blockIdx.x];
  double magnitudes = 0, squares = 0;
  for (int i = threadIdx.x; i < p.size; i += blockDim.x) {
    const double w = double(parameters[p.begin + i]);
    magnitudes += fabs(w);
    squares += w * w;
  }
  magnitudes = block_sum(magnitudes);
  squares = block_sum(squares);
  if (threadIdx.x > 0) return;
  // A factor of 0 asks for nothing, also of weights that are not finite.
  double penalty = 0;
  if (p.penalty.l1 != 0.0f) penalty += double(p.penalty.l1) * magnitudes;
  if (p.penalty.l2 != 0.0f) penalty += double(p.penalty.l2) * squares;
  penalties[blockIdx.x] = penalty;
  if (step != nullptr && !isfinite(penalty)) step->failed = 1;
}

__global__ void collect_kernel(const Piece* pieces, const float* parameters, float* gradient,
                               double* squares, Step* step) {
  const Piece p = pieces[blockIdx.x];
  const bool penalized = p.penalty.l1 != 0.0f || p.penalty.l2 != 0.0f;
  double sum = 0;
  for (int i = threadIdx.x; i < p.size; i += blockDim.x) {
    float g = gradient[p.begin + i];
    if (penalized) {
      const float w = parameters[p.begin + i];
      const float sign = w > 0.0f ? 1.0f : w < 0.0f ? -1.0f : 0.0f;
      g = g + w * (2.0f * p.penalty.l2) + sign * p.penalty.l1;
      gradient[p.begin + i] = g;
    }
    if (!isfinite(g)) step->failed = 1;
    sum += double(g) * double(g);
  }
  if (squares == nullptr) return;
  sum = block_sum(sum);
  if (threadIdx.x == 0) squares[blockIdx.x] = sum;
}

// What brings the norm of the piece's group down to the limit: 1 for one that is below.
__device__ float factor(const int* groups, const double* squares, int group, float limit) {
  double sum = 0;
  for (int p = groups[group] + static_cast<int>(threadIdx.x); p < groups[group + 1];
       p += blockDim.x) {
    sum += squares[p];
  }
  const double norm = sqrt(block_sum(sum));
  return static_cast<float>(double(limit) / (norm > double(limit) ? norm : double(limit)));
}

__global__ void clip_kernel(const Piece* pieces, const int* groups, const double* squares,
                            float norm, float value, float* gradient) {
  const Piece p = pieces[blockIdx.x];
  const float scale = norm > 0.0f ? factor(groups, squares, p.group, norm) : 1.0f;
  for (int i = threadIdx.x; i < p.size; i += blockDim.x) {
    float& g = gradient[p.begin + i];
    if (value > 0.0f) g = g > value ? value : g < -value ? -value : g;
    g *= scale;
  }
}

Grid for_pieces(int count) { return {dim3(static_cast<unsigned>(count)), dim3(kThreads), 0}; }

}  // namespace

void penalties(const Piece* pieces, int count, const float* parameters, double* penalties,
               Step* step, Stream stream) {
  run(penalties_kernel, for_pieces(count), stream, pieces, parameters, penalties, step);
}

void collect_gradient(const Piece* pieces, int count, const float* parameters, float* gradient,
                      double* squares, Step* step, Stream stream) {
  run(collect_kernel, for_pieces(count), stream, pieces, parameters, gradient, squares, step);
}

void clip_gradient(const Piece* pieces, int count, const int* groups, const double* squares,
                   float norm, float value, float* gradient, Stream stream) {
  run(clip_kernel, for_pieces(count), stream, pieces, groups, squares, norm, value, gradient);
}

}  // namespace pycnn::cuda
