#pragma once
// Dropout (Srivastava et al. 2014), inverted as in Keras: in training y = x / (1 - rate) for what
// is kept and 0 for the share `rate` that is dropped; dx likewise from dy. Otherwise y = x.
//
// What is dropped is the same for any number of threads and on any device: element e of image i of
// the batch goes by word e % 4 of philox(seed, stream, i * ceil(elements / 4) + e / 4), where the
// stream is that of the layer and the step; it is kept when the word is at least rate * 2^32.

#include <cstdint>
#include <string>

#include "ops/cpu/block.h"
#include "ops/cuda/step.h"
#include "ops/cuda/view.h"

namespace pycnn {

struct DropoutOptions {
  float rate;
};

// Throws ValueError unless 0 <= rate < 1.
void check_dropout(const DropoutOptions& options, const std::string& who);

// What is kept is multiplied by this: 1 / (1 - rate).
float dropout_scale(const DropoutOptions& options);
// Words below this are dropped: rate * 2^32.
std::uint32_t dropout_threshold(const DropoutOptions& options);
// The random stream of node `layer` at a step: that of step 0 plus the step.
std::uint64_t dropout_stream(int layer, std::uint64_t step);

namespace cpu {

struct DropoutKernels {
  // mask[e * 16 + l] = 1 where element e of image first_image + l is kept, else 0.
  void (*mask)(std::uint64_t seed, std::uint64_t stream, std::int64_t first_image,
               std::int64_t elements, std::uint32_t threshold, std::uint8_t* mask);
  // y = scale * x where the mask is 1, else 0: forward, and backward from dy to dx.
  void (*apply)(const std::uint8_t* mask, float scale, ConstView x, View y);
};

}  // namespace cpu

namespace cuda {

// The mask is a byte for each element of x.
void dropout_forward(const DropoutOptions& options, int node, const Step* step, ConstView x, View y,
                     std::uint8_t* mask, Stream stream);
void dropout_backward(const DropoutOptions& options, ConstView dy, const std::uint8_t* mask,
                      View dx, Stream stream);

}  // namespace cuda
}  // namespace pycnn
