#include "ops/dense.h"

#include "ops/cpu/tile.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

constexpr int kUnits = kAccumulators;  // sums in registers, one vector of lanes each

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

// Outputs that a row of the kernel is read for at once: there are more rows than registers for
// their addresses.
constexpr int kOutputs = 2;

template <int I, int O>
PYCNN_INLINE void add_outputs(std::int64_t row, const float* dz, const float* kernel, V (&acc)[I]) {
  V v[O];
  PYCNN_UNROLL
  for (int o = 0; o < O; ++o) v[o] = load(dz + o * kLanes);
  PYCNN_UNROLL
  for (int i = 0; i < I; ++i) {
    PYCNN_UNROLL
    for (int o = 0; o < O; ++o) acc[i] += v[o] * kernel[i * row + o];
  }
}

template <int I>
void backward_input_tile(DenseGeometry g, const float* dz, const float* kernel, float* dx) {
  V acc[I];
  PYCNN_UNROLL
  for (int i = 0; i < I; ++i) acc[i] = V{};
  int o = 0;
  for (; o + kOutputs <= g.outputs; o += kOutputs) {
    add_outputs<I, kOutputs>(g.outputs, dz + std::int64_t{o} * kLanes, kernel + o, acc);
  }
  for (; o < g.outputs; ++o) {
    add_outputs<I, 1>(g.outputs, dz + std::int64_t{o} * kLanes, kernel + o, acc);
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

}  // namespace

extern const DenseKernels dense_kernels;
const DenseKernels dense_kernels{forward, backward_input};

}  // namespace pycnn::cpu::PYCNN_ISA
