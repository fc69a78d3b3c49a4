// dw = x^T dz with the outputs in the lanes: sums over the images in registers. db = sum of dz.
//
// Blocks of inputs are dealt out. With many images a panel of dz is copied for a block, so that it
// stays in L1 while the inputs pass by; with a few it is there anyway, and the block is one tile,
// whose gradients are written from one end of the rows to the other.

#include "ops/cpu/channels/dense_passes.h"
#include "ops/cpu/channels/dense_tile.h"

namespace pycnn::cpu::PYCNN_ISA::channels {
namespace {

constexpr int kFewImages = 12;
constexpr int kImages = 128;  // whose sums are taken in registers
constexpr int kTilesOfBlock = 16;

// Images first..first + count.
struct Images {
  ConstChannelView x, dz;
  int first, count;
  bool accumulate;  // whether gradients are there already
};

// I inputs times N vectors of outputs, of which `outputs` exist.
template <int I, int N>
void gradient_tile(int images, Transposed x, Matrix dz, int outputs, bool accumulate,
                   float* dkernel, std::int64_t row) {
  V acc[I][N];
  set_zero(acc);
  add_products(images, x, dz, acc);
  PYCNN_UNROLL
  for (int i = 0; i < I; ++i) {
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n)
      write(dkernel + i * row + n * W, acc[i][n], outputs - n * W, accumulate);
  }
}

// The tiles begin..end of inputs, for N vectors of outputs from `column` on.
template <int N>
void gradient_panel(DenseGeometry g, const Images& of, const Tiles& inputs, int begin, int end,
                    int column, Matrix dz, float* dkernel) {
  for (int t = begin; t < end; ++t) {
    const int i = inputs.first(t);
    const Transposed x{of.x.data + of.first * of.x.image + i, of.x.image};
    dispatch<kRows>(inputs.size(t), [&](auto size) {
      gradient_tile<size.value, N>(of.count, x, dz, g.outputs - column, of.accumulate,
                                   dkernel + std::int64_t{i} * g.outputs + column, g.outputs);
    });
  }
}

void backward_kernel(const Team& team, DenseGeometry g, const Images& of, float* dkernel) {
  alignas(64) float panel[kImages * kVectors * W];
  const int block = of.count <= kFewImages ? 1 : kTilesOfBlock;
  const Tiles inputs(g.inputs, kRows), panels((g.outputs + W - 1) / W, kVectors);
  const int blocks = (inputs.parts + block - 1) / block;
  const Share mine = share(team, std::int64_t{blocks} * panels.parts);
  for (std::int64_t piece = mine.begin; piece < mine.end; ++piece) {
    const auto begin = static_cast<int>(piece / panels.parts) * block;
    const auto p = static_cast<int>(piece % panels.parts);
    const int end = begin + block < inputs.parts ? begin + block : inputs.parts;
    const int column = panels.first(p) * W;
    dispatch<kVectors>(panels.size(p), [&](auto size) {
      Matrix dz{of.dz.data + of.first * of.dz.image + column, of.dz.image};
      if (block > 1) {
        for (int n = 0; n < of.count; ++n) {
          PYCNN_UNROLL
          for (int v = 0; v < size.value; ++v) {
            store(panel + (n * size.value + v) * W, load(dz.data + n * dz.row + v * W));
          }
        }
        dz = {panel, size.value * W};
      }
      gradient_panel<size.value>(g, of, inputs, begin, end, column, dz, dkernel);
    });
  }
}

void backward_bias(const Team& team, int outputs, ConstChannelView dz, bool accumulate,
                   float* dbias) {
  const Share mine = share(team, (outputs + W - 1) / W);
  for (std::int64_t v = mine.begin; v < mine.end; ++v) {
    V sum{};
    for (int n = 0; n < dz.images; ++n) sum += load(dz.data + n * dz.image + v * W);
    write(dbias + v * W, sum, outputs - v * W, accumulate);
  }
}

}  // namespace

void dense_backward_params(Team& team, DenseGeometry g, ConstChannelView x, ConstChannelView dz,
                           bool accumulate, float* dkernel, float* dbias) {
  for (int n = 0; n < x.images; n += kImages) {
    const int count = x.images - n < kImages ? x.images - n : kImages;
    backward_kernel(team, g, {x, dz, n, count, accumulate || n > 0}, dkernel);
  }
  if (dbias != nullptr) backward_bias(team, g.outputs, dz, accumulate, dbias);
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
