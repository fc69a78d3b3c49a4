#pragma once
// Operands of the CUDA backend. An activation of a batch is NHWC, [batch][height][width][channels]
// floats, one after another in device memory. Launchers take their stream last; they neither
// allocate nor wait, and give the same bits whenever they are given the same numbers.

#include <cstdint>

struct CUstream_st;  // what cudaStream_t points at: headers of ops are read without CUDA as well

namespace pycnn::cuda {

using Stream = CUstream_st*;

template <typename T>
struct BasicView {
  T* data;
  int batch, height, width, channels;

  // Of the whole batch; an operand has at most 2^31 - 1 elements.
  std::int64_t size() const { return std::int64_t{batch} * height * width * channels; }
  // One channel's values: of all images and places.
  std::int64_t positions() const { return std::int64_t{batch} * height * width; }
};

using View = BasicView<float>;
using ConstView = BasicView<const float>;

}  // namespace pycnn::cuda
