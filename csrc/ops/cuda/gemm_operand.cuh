#pragma once
// The factors of a product in memory, and where its result goes.
//
// A factor gives its elements four at a time, neighbours in memory: along the sum (kAlongSum), or
// across it, along the rows of the left and the columns of the right factor. What can be computed
// once of a row is its Line, of a term its Step:
//
//   static constexpr bool kAlongSum;
//   Line line(unsigned i) const;      // the first of four, if these lie across
//   Step step(unsigned k) const;      // the first of four, if these lie along
//   void load(const Line&, const Step&, float (&v)[4]) const;    // 0 for what does not exist
//
// A result takes N neighbouring sums of a row, and leaves out those that do not exist; some take
// the sums of the right factor's columns as well:
//
//   void store<N>(unsigned row, unsigned column, const float (&v)[N]) const;
//   void store_column_sums<N>(unsigned column, const float (&v)[N]) const;

#include <cstdint>

#include "ops/cuda/kernel.cuh"

namespace pycnn::cuda {

// Whether rows of `stride` floats can be read and written four at a time.
inline bool in_quads(const float* data, std::int64_t stride) {
  return reinterpret_cast<std::uintptr_t>(data) % sizeof(float4) == 0 && stride % 4 == 0;
}

__device__ __forceinline__ void load_quad(const float* from, float (&v)[4]) {
  const float4 q = *reinterpret_cast<const float4*>(from);
  v[0] = q.x, v[1] = q.y, v[2] = q.z, v[3] = q.w;
}

__device__ __forceinline__ void store_quad(float* to, const float (&v)[4]) {
  *reinterpret_cast<float4*>(to) = make_float4(v[0], v[1], v[2], v[3]);
}

__device__ __forceinline__ void store_quad(unsigned* to, const unsigned (&v)[4]) {
  *reinterpret_cast<uint4*>(to) = make_uint4(v[0], v[1], v[2], v[3]);
}

// Four of the `count` elements, or none, of the row that begins at `row`. Offsets fit 32 bits,
// since an operand has less than 2^31 elements: they take half a pointer's registers.
__device__ __forceinline__ void load_row(const float* data, unsigned row, unsigned first,
                                         unsigned count, bool quads, float (&v)[4]) {
  if (quads && first < count) return load_quad(data + (row + first), v);
#pragma unroll
  for (unsigned j = 0; j < 4; ++j) v[j] = first + j < count ? data[row + first + j] : 0.0f;
}

// The factor's rows (columns) lie one after another: element (i, k) at i * stride + k.
struct MatrixAlong {
  static constexpr bool kAlongSum = true;
  const float* data;
  unsigned stride, lines, terms;
  bool quads;  // in_quads, and terms % 4 == 0

  using Line = unsigned;  // where it begins
  using Step = unsigned;
  static constexpr Line kNone = ~0u;

  __device__ Line line(unsigned i) const { return i < lines ? i * stride : kNone; }
  __device__ Step step(unsigned k) const { return k; }
  __device__ void load(Line line, Step k, float (&v)[4]) const {
    load_row(data, line, k, line != kNone ? terms : 0, quads, v);
  }
};

// Its terms lie one after another: element (i, k) at k * stride + i.
struct MatrixAcross {
  static constexpr bool kAlongSum = false;
  const float* data;
  unsigned stride, lines, terms;
  bool quads;  // in_quads, and lines % 4 == 0

  using Line = unsigned;
  using Step = unsigned;

  __device__ Line line(unsigned i) const { return i; }
  __device__ Step step(unsigned k) const { return k; }
  __device__ void load(Line i, Step k, float (&v)[4]) const {
    load_row(data, k * stride, i, k < terms ? lines : 0, quads, v);
  }
};

// N numbers of a row, of which `count`, one or more, exist.
template <int N>
  requires(N == 2 || N == 4)
__device__ __forceinline__ void store_row(float* to, const float (&v)[N], unsigned count,
                                          bool quads) {
  if (quads) {
    if constexpr (N == 4) return store_quad(to, v);
    *reinterpret_cast<float2*>(to) = make_float2(v[0], v[1]);
    return;
  }
#pragma unroll
  for (unsigned j = 0; j < N; ++j) {
    if (j < count) to[j] = v[j];
  }
}

// y = product + bias, then ReLU if wanted.
struct Activations {
  float* data;
  unsigned stride, rows, columns;
  const float* bias;  // null: none
  bool relu;
  bool quads;  // in_quads, and columns % 4 == 0

  template <int N>
  __device__ void store(unsigned row, unsigned column, const float (&v)[N]) const {
    if (row >= rows || column >= columns) return;
    float y[N];
#pragma unroll
    for (unsigned j = 0; j < N; ++j) {
      y[j] = v[j] + (bias != nullptr && column + j < columns ? bias[column + j] : 0.0f);
      if (relu) y[j] = y[j] > 0.0f || y[j] != y[j] ? y[j] : 0.0f;
    }
    store_row(data + std::int64_t{row} * stride + column, y, columns - column, quads);
  }
};

// dw = product; db = sums of the right factor's columns. Adds when `accumulate`.
struct Gradients {
  float* kernel;
  float* bias;  // null: none
  unsigned stride, rows, columns;
  bool accumulate;
  bool quads;  // in_quads of the kernel, and columns % 4 == 0

  template <int N>
  __device__ void store(unsigned row, unsigned column, const float (&v)[N]) const {
    if (row >= rows || column >= columns) return;
    add(kernel + std::int64_t{row} * stride + column, columns - column, quads, v);
  }
  template <int N>
  __device__ void store_column_sums(unsigned column, const float (&v)[N]) const {
    if (bias == nullptr || column >= columns) return;
    add(bias + column, columns - column, false, v);
  }

 private:
  template <int N>
  __device__ void add(float* to, unsigned count, bool in_quads, const float (&v)[N]) const {
    float sum[N];
#pragma unroll
    for (unsigned j = 0; j < N; ++j) sum[j] = accumulate && j < count ? to[j] + v[j] : v[j];
    store_row(to, sum, count, in_quads);
  }
};

// A part of the sums, in scratch memory; the sums of columns lie behind the last row.
struct Partials {
  float* data;
  unsigned rows, quads;

  template <int N>
  __device__ void store(unsigned row, unsigned column, const float (&v)[N]) const {
    if (row >= rows || column / 4 >= quads) return;
    store_row(data + (std::int64_t{row} * quads * 4 + column), v, N, true);
  }
  template <int N>
  __device__ void store_column_sums(unsigned column, const float (&v)[N]) const {
    if (column / 4 >= quads) return;
    store_row(data + (std::int64_t{rows} * quads * 4 + column), v, N, true);
  }
};

}  // namespace pycnn::cuda
