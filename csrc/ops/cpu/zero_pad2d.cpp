#include "ops/zero_pad2d.h"

#include "ops/cpu/simd.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

void fill_zero(float* to, std::int64_t size) {
  for (std::int64_t i = 0; i < size; i += W) store(to + i, V{});
}

void copy(const float* from, float* to, std::int64_t size) {
  for (std::int64_t i = 0; i < size; i += W) store(to + i, load(from + i));
}

void forward(int top, int left, ConstView x, View y) {
  const std::int64_t position = std::int64_t{y.channels} * kLanes;
  for (int h = 0; h < y.height; ++h) {
    const int row = h - top;
    if (row < 0 || row >= x.height) {
      fill_zero(y.at(h, 0), y.row_size());
      continue;
    }
    fill_zero(y.at(h, 0), left * position);
    copy(x.at(row, 0), y.at(h, left), x.row_size());
    const int right = left + x.width;
    fill_zero(y.at(h, right), (y.width - right) * position);
  }
}

void backward(int top, int left, ConstView dy, View dx) {
  for (int h = 0; h < dx.height; ++h) copy(dy.at(h + top, left), dx.at(h, 0), dx.row_size());
}

}  // namespace

extern const ZeroPad2dKernels zero_pad2d_kernels;
const ZeroPad2dKernels zero_pad2d_kernels{forward, backward};

}  // namespace pycnn::cpu::PYCNN_ISA
