#include "ops/dense.h"

#include "ops/cpu/tile.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

constexpr int kUnits = kAccumulators;  // sums in registers, one vector of lanes each
// Tile of backward_params: inputs x vectors of outputs.
constexpr int kInputs = kAccumulators == 24 ? 6 : 4;
constexpr int kVectors = kAccumulators / kInputs;

// ---- forward

template <int O>
void forward_tile(DenseGeometry g, const float* x, const float* kernel, const float* bias,
                  bool relu_after, float* y) {
  V acc[O];
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) acc[o] = bias != nullptr ? splat(bias[o]) : V{};
  for (int i = 0; i < g.inputs; ++i, kernel += g.outputs) {
    const V v = load(x + std::int64_t{i} * kLanes);
    PYCNN_UNROLL
    for (int o = 0; o < O; ++o) acc[o] += v * kernel[o];
  }
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) store(y + o * kLanes, relu_after ? relu(acc[o]) : acc[o]);
}

void forward(DenseGeometry g, const float* x, const float* kernel, const float* bias,
             bool relu_after, float* y) {
  const Split units(g.outputs, kUnits);
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int t = 0, o = 0; t < units.parts; o += units.size(t++)) {
      dispatch<kUnits>(units.size(t), [&](auto n) {
        forward_tile<n.value>(g, x + lane, kernel + o, bias != nullptr ? bias + o : nullptr,
                              relu_after, y + std::int64_t{o} * kLanes + lane);
      });
    }
  }
}

// ---- backward to the input

template <int I>
void backward_input_tile(DenseGeometry g, const float* dz, const float* kernel, float* dx) {
  V acc[I];
  PYCNN_UNROLL
  for (int i = 0; i < I; ++i) acc[i] = V{};
  for (int o = 0; o < g.outputs; ++o) {
    const V v = load(dz + std::int64_t{o} * kLanes);
    PYCNN_UNROLL
    for (int i = 0; i < I; ++i) acc[i] += v * kernel[std::int64_t{i} * g.outputs + o];
  }
  PYCNN_UNROLL
  for (int i = 0; i < I; ++i) store(dx + i * kLanes, acc[i]);
}

void backward_input(DenseGeometry g, const float* dz, const float* kernel, float* dx) {
  const Split inputs(g.inputs, kUnits);
  for (int lane = 0; lane < kLanes; lane += W) {
    for (int t = 0, i = 0; t < inputs.parts; i += inputs.size(t++)) {
      dispatch<kUnits>(inputs.size(t), [&](auto n) {
        backward_input_tile<n.value>(g, dz + lane, kernel + std::int64_t{i} * g.outputs,
                                     dx + std::int64_t{i} * kLanes + lane);
      });
    }
  }
}

// ---- backward to the parameters: lanes over outputs, so that no sum over lanes is needed

void transpose(int outputs, const float* dz, float* scratch) {
  const int row = dense_scratch_row(outputs);
  for (int l = 0; l < kLanes; ++l) {
    float* to = scratch + std::int64_t{l} * row;
    for (int o = 0; o < outputs; ++o) to[o] = dz[std::int64_t{o} * kLanes + l];
    for (int o = outputs; o < row; ++o) to[o] = 0.0f;
  }
}

// Writes or adds the first `count` lanes of v.
PYCNN_INLINE void write(float* to, V v, int count, bool accumulate) {
  if (count >= W) {
    store_unaligned(to, accumulate ? load_unaligned(to) + v : v);
    return;
  }
  for (int l = 0; l < count; ++l) to[l] = accumulate ? to[l] + v[l] : v[l];
}

// I inputs times N vectors of outputs, of which `outputs` exist.
template <int I, int N>
void backward_kernel_tile(DenseGeometry g, const float* x, const float* dz, std::int64_t dz_row,
                          int outputs, bool accumulate, float* dkernel) {
  V acc[I][N];
  PYCNN_UNROLL
  for (int i = 0; i < I; ++i) {
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) acc[i][n] = V{};
  }
  for (int l = 0; l < kLanes; ++l, dz += dz_row) {
    V v[N];
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) v[n] = load(dz + n * W);
    PYCNN_UNROLL
    for (int i = 0; i < I; ++i) {
      const V xi = splat(x[i * kLanes + l]);
      PYCNN_UNROLL
      for (int n = 0; n < N; ++n) acc[i][n] += xi * v[n];
    }
  }
  PYCNN_UNROLL
  for (int i = 0; i < I; ++i) {
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) {
      write(dkernel + std::int64_t{i} * g.outputs + n * W, acc[i][n], outputs - n * W, accumulate);
    }
  }
}

void backward_bias(int outputs, const float* dz, std::int64_t dz_row, bool accumulate,
                   float* dbias) {
  for (int o = 0; o < outputs; o += W) {
    V sum{};
    for (int l = 0; l < kLanes; ++l) sum += load(dz + l * dz_row + o);
    write(dbias + o, sum, outputs - o, accumulate);
  }
}

void backward_params(DenseGeometry g, const float* x, const float* dz, float* scratch,
                     bool accumulate, float* dkernel, float* dbias) {
  transpose(g.outputs, dz, scratch);
  const std::int64_t row = dense_scratch_row(g.outputs);
  const Split inputs(g.inputs, kInputs), vectors((g.outputs + W - 1) / W, kVectors);
  for (int vt = 0, n = 0; vt < vectors.parts; n += vectors.size(vt++)) {
    const int o = n * W;
    for (int it = 0, i = 0; it < inputs.parts; i += inputs.size(it++)) {
      dispatch<kInputs>(inputs.size(it), [&](auto ni) {
        dispatch<kVectors>(vectors.size(vt), [&](auto nv) {
          backward_kernel_tile<ni.value, nv.value>(g, x + std::int64_t{i} * kLanes, scratch + o,
                                                   row, g.outputs - o, accumulate,
                                                   dkernel + std::int64_t{i} * g.outputs + o);
        });
      });
    }
  }
  if (dbias != nullptr) backward_bias(g.outputs, scratch, row, accumulate, dbias);
}

}  // namespace

extern const DenseKernels dense_kernels;
const DenseKernels dense_kernels{forward, backward_input, backward_params};

}  // namespace pycnn::cpu::PYCNN_ISA
