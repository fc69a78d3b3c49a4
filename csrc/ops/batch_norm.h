#pragma once
// Batch normalization (Ioffe and Szegedy 2015) over all axes but the channels:
//   y = gamma (x - mean) / sqrt(variance + epsilon) + beta
// In training mean and variance are the batch's own (variance divided by the count, as in Keras)
// and the moving ones follow: moving = momentum * moving + (1 - momentum) * batch. Otherwise the
// moving ones are used. Backward in training, with h = (x - mean) / sqrt(variance + epsilon):
//   dbeta = sum dy;  dgamma = sum dy h
//   dx = gamma / sqrt(variance + epsilon) * (dy - mean(dy) - h mean(dy h))
// On the CPU also its fusion with ReLU.

#include <cstdint>
#include <string>

#include "ops/cpu/block.h"
#include "ops/cpu/channels.h"
#include "ops/cuda/view.h"

namespace pycnn {

struct BatchNormOptions {
  float momentum = 0.99f;
  float epsilon = 1e-3f;
  bool center = true;  // has beta
  bool scale = true;   // has gamma
};

// Throws ValueError for a momentum outside [0, 1] or an epsilon that is not positive.
void check_batch_norm(const BatchNormOptions& options, const std::string& who);

namespace cpu {

// What becomes of the numbers of a channel, and ReLU after it if wanted. gamma and beta may be null
// (1 and 0). The backward kernels take the gradient behind the ReLU and work out again, by the same
// operations, what it read: that is cheaper than reading y.
struct Normalization {
  const float *mean, *inverse_deviation, *gamma, *beta;
  bool relu;
};

struct BatchNormKernels {
  // Of one block: mean[c] and the sum of squared deviations from it, over the first `count` images.
  void (*statistics)(ConstView x, int count, float* mean, float* deviation);
  // y = gamma (x - mean) * inverse_deviation + beta.
  void (*forward)(const Normalization& norm, ConstView x, View y);
  // Of one block: sum of dy and sum of dy h, over the first `count` images.
  void (*backward_sums)(const Normalization& norm, ConstView dy, ConstView x, int count,
                        float* sum_dy, float* sum_dyh);
  // dx from the means over the batch of dy and dy h; lanes from `count` on get 0. With null means
  // mean and variance are taken as constants, as they are outside training.
  void (*backward_input)(const Normalization& norm, ConstView dy, ConstView x, const float* mean_dy,
                         const float* mean_dyh, int count, View dx);
};

// The same with the channels in the lanes, a block being image n. The arrays by channel are filled
// up to whole vectors.
struct BatchNormChannelKernels {
  void (*statistics)(ConstChannelView x, int n, float* mean, float* deviation);
  void (*forward)(const Normalization& norm, ConstChannelView x, int n, ChannelView y);
  void (*backward_sums)(const Normalization& norm, ConstChannelView dy, ConstChannelView x, int n,
                        float* sum_dy, float* sum_dyh);
  void (*backward_input)(const Normalization& norm, ConstChannelView dy, ConstChannelView x, int n,
                         const float* mean_dy, const float* mean_dyh, ChannelView dx);
};

}  // namespace cpu

namespace cuda {

// The batch is cut into this many parts, each with two numbers per channel in `partial`: all of the
// first, then all of the second. At most 8 for every 16 images.
int batch_norm_parts(ConstView x);
// Mean and the sum of squared deviations from it, of each part.
void batch_norm_statistics(ConstView x, float* partial, Stream stream);
// Mean and inverse deviation of the batch, and the moving statistics (read and written).
void batch_norm_combine(const BatchNormOptions& options, ConstView x, const float* partial,
                        float* statistics, float* moving_mean, float* moving_variance,
                        Stream stream);
void batch_norm_moving(const BatchNormOptions& options, int channels, const float* moving_mean,
                       const float* moving_variance, float* statistics, Stream stream);
void batch_norm_forward(ConstView x, const float* statistics, const float* gamma, const float* beta,
                        View y, Stream stream);
void batch_norm_backward_sums(ConstView dy, ConstView x, const float* statistics, float* partial,
                              Stream stream);
// The means over the batch of dy and dy h; dgamma and dbeta (null where there is none).
void batch_norm_backward_combine(ConstView dy, const float* partial, float* means, bool accumulate,
                                 float* dgamma, float* dbeta, Stream stream);
void batch_norm_backward_input(ConstView dy, ConstView x, const float* statistics,
                               const float* gamma, const float* means, View dx, Stream stream);

}  // namespace cuda
}  // namespace pycnn
