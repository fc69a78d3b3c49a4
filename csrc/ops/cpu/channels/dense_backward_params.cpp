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

struct Gradient {
  DenseGeometry g;
  ConstChannelView x, dz;
  bool accumulate;  // whether gradients are there already
  float* dkernel;
  Tiles inputs{g.inputs, kRows};
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

// What the images first..first + count, whose rows of dz these are, add to the tiles of inputs for
// N vectors of outputs from `column` on.
template <int N>
void gradient_panel(const Gradient& d, Share tiles, int first, int count, int column, Matrix dz) {
  for (auto t = static_cast<int>(tiles.begin); t < tiles.end; ++t) {
    const int i = d.inputs.first(t);
    const Transposed x{d.x.data + first * d.x.image + i, d.x.image};
    dispatch<kRows>(d.inputs.size(t), [&](auto size) {
      gradient_tile<size.value, N>(count, x, dz, d.g.outputs - column, d.accumulate || first > 0,
                                   d.dkernel + std::int64_t{i} * d.g.outputs + column, d.g.outputs);
    });
  }
}

// The same for all images: whoever has begun a sum ends it, so that nobody need wait.
template <int N>
void gradient_piece(const Gradient& d, Share tiles, int column) {
  alignas(64) float panel[kImages * N * W];
  for (int first = 0; first < d.x.images; first += kImages) {
    const int count = d.x.images - first < kImages ? d.x.images - first : kImages;
    Matrix dz{d.dz.data + first * d.dz.image + column, d.dz.image};
    if (tiles.end - tiles.begin > 1) {
      for (int n = 0; n < count; ++n) {
        PYCNN_UNROLL
        for (int v = 0; v < N; ++v) {
          store(panel + (n * N + v) * W, load(dz.data + n * dz.row + v * W));
        }
      }
      dz = {panel, N * W};
    }
    gradient_panel<N>(d, tiles, first, count, column, dz);
  }
}

// Tiles to a block: no more than kTilesOfBlock, and so many blocks that all threads get about the
// same.
int tiles_of_block(const Team& team, const Gradient& d) {
  if (d.x.images <= kFewImages) return 1;
  const int blocks = Split(d.inputs.parts, kTilesOfBlock).parts;
  const int equal = Split(blocks, team.size()).parts * team.size();
  return (d.inputs.parts + equal - 1) / equal;
}

void backward_kernel(const Team& team, const Gradient& d) {
  const Tiles panels((d.g.outputs + W - 1) / W, kVectors);
  const Tiles blocks(d.inputs.parts, tiles_of_block(team, d));
  const Share mine = share(team, std::int64_t{blocks.parts} * panels.parts);
  for (std::int64_t piece = mine.begin; piece < mine.end; ++piece) {
    const auto b = static_cast<int>(piece / panels.parts);
    const auto p = static_cast<int>(piece % panels.parts);
    const std::int64_t begin = blocks.first(b);
    dispatch<kVectors>(panels.size(p), [&](auto size) {
      gradient_piece<size.value>(d, {begin, begin + blocks.size(b)}, panels.first(p) * W);
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
  backward_kernel(team, {g, x, dz, accumulate, dkernel});
  if (dbias != nullptr) backward_bias(team, g.outputs, dz, accumulate, dbias);
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
