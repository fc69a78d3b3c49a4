#pragma once
// What an optimizer's rules work on: gradients as partial sums, stretches of the flat buffers; and
// what happens to a gradient before the rule sees it.
//
// Regularization, for a weight array w (Keras's L1, L2):
//   penalty = l1 sum|w| + l2 sum w^2, added to the loss;   g += l1 sign(w) + 2 l2 w
// Clipping (Keras): by value, every number to [-c, c]; by norm, g *= c / max(|g|, c).

#include <cstdint>

#include "ops/cuda/step.h"
#include "ops/cuda/view.h"

namespace pycnn {

struct Penalty {
  float l1 = 0.0f, l2 = 0.0f;
};

// Checks of options that several rules share; ValueError, beginning with `who`, unless the value
// is finite and in [0, 1), above 0, or not negative.
void check_fraction(const char* who, const char* name, double value);
void check_positive(const char* who, const char* name, double value);
void check_not_negative(const char* who, const char* name, double value);

// A gradient as the sum, in order, of `count` arrays that lie `stride` floats apart.
struct PartialSums {
  const float* first;
  int count;
  std::int64_t stride;
};

// A stretch of parameters that a rule updates. `size` is a multiple of 16.
struct Stretch {
  std::int64_t size;
  float* parameters;
  PartialSums gradient;
  float* state;  // the rule's arrays, `state_stride` floats apart; null when it has none
  std::int64_t state_stride;
};

namespace cpu {

struct GradientKernels {
  // The penalty of `size` parameters.
  double (*penalty)(const Penalty& penalty, const float* parameters, std::int64_t size);
  // Writes the whole gradient: the partial sums and that of the penalty. Returns the sum of its
  // squares.
  double (*collect)(const PartialSums& partials, const Penalty& penalty, const float* parameters,
                    std::int64_t size, float* gradient);
  void (*scale)(float* gradient, std::int64_t size, float factor);
  bool (*finite)(const float* gradient, std::int64_t size);
  void (*clip)(float* gradient, std::int64_t size, float limit);  // a NaN stays
};

}  // namespace cpu

namespace cuda {

// A stretch of one parameter; sums go stretch by stretch.
struct Piece {
  std::int64_t begin;
  int size;
  int group;  // of pieces that have their norm in common
  Penalty penalty;
};

// By piece: the penalty of its weights. Sets step->failed when one is not finite (step may be
// null).
void penalties(const Piece* pieces, int count, const float* parameters, double* penalties,
               Step* step, Stream stream);
// The gradient with that of the penalties; by piece the sum of its squares (null: not wanted).
// Sets step->failed when a number is not finite.
void collect_gradient(const Piece* pieces, int count, const float* parameters, float* gradient,
                      double* squares, Step* step, Stream stream);
// Clipping: by value where `value` is not 0; by the norms of the groups where `norm` is not 0.
// `groups` has the first piece of each group, and `count` at its end.
void clip_gradient(const Piece* pieces, int count, const int* groups, const double* squares,
                   float norm, float value, float* gradient, Stream stream);

// A stretch of the flat buffers that a rule updates, unless the step has failed.
struct Update {
  const Step* step;
  std::int64_t size;
  float* parameters;
  const float* gradient;
  float* state;  // the rule's arrays, `state_stride` floats apart
  std::int64_t state_stride;
};

}  // namespace cuda
}  // namespace pycnn
