// dx = dz w^T. A row of the weights holds what goes to one input.
//
// A few images: vectors along the rows, summed over their lanes at the end, each row read once.
// With more images, panels of the weights are transposed, which costs as much as few images do, and
// the inputs are in the lanes.

#include "ops/cpu/channels/dense_passes.h"
#include "ops/cpu/channels/dense_tile.h"
#include "ops/cpu/transpose.h"

namespace pycnn::cpu::PYCNN_ISA::channels {
namespace {

// Sums over lanes cost about as much as so many multiply-adds.
constexpr int kSumCost = 56;

bool along_rows(DenseGeometry g, int images) {
  return images <= 16 && images * kSumCost < g.outputs;
}

// All ones in the first `count` lanes, then zeros.
PYCNN_INLINE VI first_lanes(int count) {
  VI lane{};
  PYCNN_UNROLL
  for (int l = 0; l < W; ++l) lane[l] = l;
  return lane < splat_int(count);
}

// acc[r][i] += the vectors dz(r, o) * w(i, o), lane by lane.
template <int R, int N, typename F>
PYCNN_INLINE void add_lanes(Matrix dz, Matrix w, std::int64_t o, V (&acc)[R][N], F mask) {
  V v[N];
  PYCNN_UNROLL
  for (int i = 0; i < N; ++i) v[i] = mask(load_unaligned(w.data + i * w.row + o));
  PYCNN_UNROLL
  for (int r = 0; r < R; ++r) {
    const V d = mask(load(dz.data + r * dz.row + o));
    PYCNN_UNROLL
    for (int i = 0; i < N; ++i) acc[r][i] += d * v[i];
  }
}

// R images times N inputs.
template <int R, int N>
void dots_tile(int outputs, Matrix dz, Matrix w, float* dx, std::int64_t dx_row) {
  constexpr int kChains = chains(R * N) < 4 ? chains(R * N) : 4;
  V acc[kChains][R][N];
  PYCNN_UNROLL
  for (int chain = 0; chain < kChains; ++chain) set_zero(acc[chain]);
  const auto all = [](V v) { return v; };
  int o = 0;
  for (; o + kChains * W <= outputs; o += kChains * W) {
    PYCNN_UNROLL
    for (int i = 0; i < N; ++i) {
      PYCNN_UNROLL
      for (int ahead = 0; ahead < kChains * W; ahead += 16) {
        __builtin_prefetch(w.data + (N + i) * w.row + o + ahead, 0, 2);
      }
    }
    PYCNN_UNROLL
    for (int chain = 0; chain < kChains; ++chain) {
      add_lanes(dz, w, o + chain * W, acc[chain], all);
    }
  }
  for (; o + W <= outputs; o += W) add_lanes(dz, w, o, acc[0], all);
  // What lies behind the last output may be anything, on both sides.
  if (o < outputs) {
    const VI exists = first_lanes(outputs - o);
    add_lanes(dz, w, o, acc[0], [&](V v) { return as_float(as_int(v) & exists); });
  }
  PYCNN_UNROLL
  for (int chain = 1; chain < kChains; ++chain) {
    PYCNN_UNROLL
    for (int r = 0; r < R; ++r) {
      PYCNN_UNROLL
      for (int i = 0; i < N; ++i) acc[0][r][i] += acc[chain][r][i];
    }
  }
  write_sums(acc[0], dx, dx_row, false);
}

void backward_along_rows(const Team& team, DenseGeometry g, ConstChannelView dz, Matrix w,
                         ChannelView dx) {
  const Tiles images(dz.images, kRows), inputs(g.inputs, kVectors);
  const Share mine = share(team, inputs.parts);
  for (auto t = static_cast<int>(mine.begin); t < mine.end; ++t) {
    const int i = inputs.first(t);
    dispatch<kVectors>(inputs.size(t), [&](auto ni) {
      for (int m = 0; m < images.parts; ++m) {
        const int r = images.first(m);
        dispatch<kRows>(images.size(m), [&](auto nr) {
          dots_tile<nr.value, ni.value>(g.outputs, Matrix{dz.data + r * dz.image, dz.image},
                                        w.from(i, 0), dx.data + r * dx.image + i, dx.image);
        });
      }
    });
  }
}

// W rows of w, from row i on, as columns: to[o] for the outputs o, o + 1, ... of a square.
PYCNN_INLINE void transpose_square(Matrix w, int rows, int count, float* to, int to_row) {
  V square[W];
  PYCNN_UNROLL
  for (int r = 0; r < W; ++r) {  // rows that do not exist go to lanes that nobody reads
    square[r] = load_unaligned(w.data + (r < rows ? r : 0) * w.row);
  }
  transpose(square);
  if (count >= W) {
    PYCNN_UNROLL
    for (int o = 0; o < W; ++o) store(to + o * to_row, square[o]);
  } else {
    for (int o = 0; o < count; ++o) store(to + o * to_row, square[o]);
  }
}

}  // namespace

void dense_backward_input(Team& team, DenseGeometry g, ConstChannelView dz, const float* kernel,
                          ChannelView dx) {
  const Matrix w{kernel, g.outputs};
  if (along_rows(g, dz.images)) {
    backward_along_rows(team, g, dz, w, dx);
    return;
  }
  const auto transposed = [&](int o, int count, int input, auto size, float* to) {
    for (int n = 0; n < size.value; ++n) {
      const int i = input + n * W;
      for (int c = 0; c < count; c += W) {
        transpose_square(w.from(i, o + c), g.inputs - i, count - c, to + (c * size.value + n) * W,
                         size.value * W);
      }
    }
  };
  multiply_by_panels(team, dz, g.outputs, g.inputs, nullptr, false, dx, transposed);
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
