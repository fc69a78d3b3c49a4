#pragma once
// The losses. Each gives, for every image of a block, its loss, the rank of its true class and the
// gradient by the predictions. With t the targets (a one-hot row for an integer label):
//   softmax_cross_entropy, on logits z:   -sum_j t_j log softmax(z)_j;  dz = softmax(z) sum(t) - t
//   cross_entropy, on probabilities p:    -sum_j t_j log p_j + sum(t) log(sum_j p_j)
//   mean_squared_error:                   mean_j (p_j - t_j)^2;         dp = 2 (p - t) / count

#include <cstdint>
#include <string>
#include <string_view>

#include "core/shape.h"
#include "ops/cpu/block.h"
#include "ops/cuda/step.h"
#include "ops/cuda/view.h"

namespace pycnn {

enum class LossKind : std::uint8_t { softmax_cross_entropy, cross_entropy, mean_squared_error };

// Names as in this header; ValueError for another.
LossKind parse_loss(std::string_view name);

// Probabilities are clipped to [kProbabilityFloor, 1 - kProbabilityFloor], as in Keras; where that
// bites, the gradient is zero.
inline constexpr float kProbabilityFloor = 1e-7f;

namespace cpu {

// What a loss kernel reads of the targets: integer labels or a row of numbers, whichever is set.
struct Targets {
  const std::int64_t* labels;  // [16]
  const float* rows;           // [classes][16]
};

struct LossKernels {
  // `count` images of the block are real; the others get loss 0 and gradient 0. The gradient is
  // multiplied by `scale` (1 / batch size). loss[l]: the loss of image l; rank[l]: how many classes
  // are predicted higher than the true one (of equals, the earlier counts as higher).
  // dz may be null when only the loss is wanted.
  using Function = void (*)(int classes, const float* z, Targets targets, int count, float scale,
                            float* loss, std::int32_t* rank, float* dz);
  Function softmax_cross_entropy;
  Function cross_entropy;
  Function mean_squared_error;
};

}  // namespace cpu

namespace cuda {

struct Targets {
  Rows labels;        // int64
  const float* rows;  // in place of labels, where it is not null
};

// Rows of z are images, whatever their shape; the gradient is multiplied by `scale`. With dz.data
// null only the loss is wanted; with it a loss that is not finite sets step->failed.
void loss(LossKind kind, ConstView z, const Targets& targets, float scale, float* losses,
          std::int32_t* ranks, View dz, Step* step, Stream stream);

}  // namespace cuda
}  // namespace pycnn
