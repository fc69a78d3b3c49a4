#include <algorithm>

#include "ops/cuda/conv2d_sizes.h"
#include "ops/cuda/divider.cuh"
#include "ops/cuda/gemm_parts.cuh"
#include "ops/depthwise_conv2d.h"

// A weight meets one channel only, so there is nothing for a product of matrices: each number that
// is read takes part in a kernel's few multiplications, and memory bounds all passes. Channels are
// neighbours in memory and go to neighbouring threads; forward and backward_input give a thread
// four where the shape allows.
namespace pycnn::cuda {
namespace {

// W neighbouring channels.
template <int W>
struct Channels {
  float v[W];

  static __device__ Channels at(const float* p) {
    Channels c;
    if constexpr (W == 4) {
      load_quad(p, c.v);
    } else {
      c.v[0] = *p;
    }
    return c;
  }
  __device__ void add_product(const Channels& a, const Channels& b) {
#pragma unroll
    for (int i = 0; i < W; ++i) v[i] += a.v[i] * b.v[i];
  }
  __device__ void store(float* p) const {
    if constexpr (W == 4) {
      store_quad(p, v);
    } else {
      *p = v[0];
    }
  }
};

// ---- forward

// kRowPixels neighbouring outputs of a row share their weights in registers.
constexpr unsigned kRowPixels = 4;

struct Places {  // of threads: [image][row][group of pixels][group of channels]
  unsigned count;
  Divider channels, pixels, rows;
};

template <int W>
__global__ void forward_kernel(Conv2dSizes s, Places places, const float* x, const float* kernel,
                               const float* bias, bool relu, float* y) {
  unsigned image = static_cast<unsigned>(global_index());
  if (image >= places.count) return;
  const unsigned o = places.channels.split(image) * W;
  const unsigned j = places.pixels.split(image) * kRowPixels, i = places.rows.split(image);
  const unsigned top = i * s.stride_height - s.pad_top, left = j * s.stride_width - s.pad_left;
  const float* const channel = x + o / s.group_outputs;

  Channels<W> sums[kRowPixels] = {};
  for (unsigned a = 0; a < s.kernel_height; ++a) {
    const unsigned row = top + a * s.dilation_height;
    if (row >= s.in_height) continue;
    for (unsigned b = 0; b < s.kernel_width; ++b) {
      const auto weight = Channels<W>::at(kernel + (a * s.kernel_width + b) * s.outputs + o);
#pragma unroll
      for (unsigned p = 0; p < kRowPixels; ++p) {
        const unsigned column = left + p * s.stride_width + b * s.dilation_width;
        if (column >= s.in_width) continue;
        const unsigned pixel = (image * s.in_height + row) * s.in_width + column;
        sums[p].add_product(Channels<W>::at(channel + pixel * s.inputs), weight);
      }
    }
  }
#pragma unroll
  for (unsigned p = 0; p < kRowPixels; ++p) {
    if (j + p >= s.out_width) break;
#pragma unroll
    for (int w = 0; w < W; ++w) {
      float& sum = sums[p].v[w];
      if (bias != nullptr) sum += bias[o + w];
      if (relu) sum = sum > 0.0f || sum != sum ? sum : 0.0f;
    }
    sums[p].store(y + ((image * s.out_height + i) * s.out_width + j + p) * s.outputs + o);
  }
}

// ---- backward to the input

// Along an axis, the taps that see a position: first, first + stride, ..., in outputs last, last -
// dilation, ... Stride or dilation is 1.
struct Seen {
  unsigned first, last;

  __device__ Seen(unsigned position, unsigned stride, unsigned pad)
      : first((position + pad) % stride), last((position + pad) / stride) {}
};

// A thread's pixel and its W channels: [image][row][column][group of channels].
template <int W>
__global__ void backward_input_kernel(Conv2dSizes s, Places places, const float* dz,
                                      const float* kernel, float* dx) {
  unsigned image = static_cast<unsigned>(global_index());
  if (image >= places.count) return;
  const unsigned c = places.channels.split(image) * W;
  const unsigned j = places.pixels.split(image), i = places.rows.split(image);
  const Seen down(i, s.stride_height, s.pad_top), right(j, s.stride_width, s.pad_left);

  Channels<W> sum = {};
  for (unsigned a = down.first, row = down.last; a < s.kernel_height;
       a += s.stride_height, row -= s.dilation_height) {
    if (row >= s.out_height) continue;
    for (unsigned b = right.first, column = right.last; b < s.kernel_width;
         b += s.stride_width, column -= s.dilation_width) {
      if (column >= s.out_width) continue;
      const float* const d = dz +
                             ((image * s.out_height + row) * s.out_width + column) * s.outputs +
                             c * s.group_outputs;
      const float* const k = kernel + (a * s.kernel_width + b) * s.outputs + c * s.group_outputs;
      for (unsigned q = 0; q < s.group_outputs; ++q) {
        sum.add_product(Channels<W>::at(d + q), Channels<W>::at(k + q));
      }
    }
  }
  sum.store(dx + ((image * s.in_height + i) * s.in_width + j) * s.inputs + c);
}

// ---- backward to the parameters

// A block sums a part of the places, for 32 output channels and some of the taps: a warp reads 32
// channels of a place at a time, the block's warps take place after place. What the warps have is
// added in order, and so are the parts, by gemm_parts.cuh.
constexpr unsigned kTapsAtOnce = 9, kWarps = 8;

// The result as gemm_parts.cuh sees it: a row for each tap, and the sums of dz.
struct ParameterGradients {
  static constexpr bool kColumnSums = true;
  Gradients gradients;

  __device__ Gradients result(unsigned) const { return gradients; }
};

struct Parts {
  unsigned count, places;  // places of one part
  unsigned tap_groups, channel_groups;
  Divider columns, rows;  // of the output
};

ProductSize gradient_size(const Conv2dSizes& s) {
  return {s.taps(), s.outputs, s.places(), 1, true};
}

Parts parts_of(const Conv2dSizes& s) {
  constexpr unsigned kBlocks = 4 * 132;  // as in gemm_plan.cu, of an H200
  constexpr unsigned kLeastPlaces = 16 * kWarps;
  const unsigned taps = (s.taps() - 1) / kTapsAtOnce + 1, channels = (s.outputs - 1) / kWarp + 1;
  const unsigned wanted = std::max(kBlocks / std::max(taps * channels, 1u), 1u);
  const unsigned most = (s.places() - 1) / kLeastPlaces + 1;
  const unsigned places = (s.places() - 1) / std::min(wanted, most) + 1;
  return {(s.places() - 1) / places + 1, places, taps, channels, Divider(s.out_width),
          Divider(s.out_height)};
}

__global__ void __launch_bounds__(kWarps* kWarp)
    backward_params_kernel(Conv2dSizes s, Parts parts, const float* x, const float* dz,
                           ProductSize size, float* partials) {
  const unsigned taps = size.rows, places = size.depth;
  __shared__ float shared[kWarps][kTapsAtOnce + 1][kWarp];
  const unsigned lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const unsigned channels = blockIdx.x % parts.channel_groups;
  const unsigned group = blockIdx.x / parts.channel_groups % parts.tap_groups;
  const unsigned part = blockIdx.x / parts.channel_groups / parts.tap_groups;
  const unsigned o = channels * kWarp + lane, first_tap = group * kTapsAtOnce;

  unsigned down[kTapsAtOnce], right[kTapsAtOnce];
#pragma unroll
  for (unsigned t = 0; t < kTapsAtOnce; ++t) {
    down[t] = (first_tap + t) / s.kernel_width * s.dilation_height;
    right[t] = (first_tap + t) % s.kernel_width * s.dilation_width;
  }
  float sums[kTapsAtOnce + 1] = {};  // the last: of dz
  const unsigned end = o < s.outputs ? min((part + 1) * parts.places, places) : 0;
  for (unsigned place = part * parts.places + warp; place < end; place += kWarps) {
    const float d = dz[place * s.outputs + o];
    unsigned image = place;
    const unsigned j = parts.columns.split(image), i = parts.rows.split(image);
    const unsigned top = i * s.stride_height - s.pad_top, left = j * s.stride_width - s.pad_left;
#pragma unroll
    for (unsigned t = 0; t < kTapsAtOnce; ++t) {
      const unsigned row = top + down[t], column = left + right[t];
      if (first_tap + t >= taps || row >= s.in_height || column >= s.in_width) continue;
      const unsigned pixel = (image * s.in_height + row) * s.in_width + column;
      sums[t] += x[pixel * s.inputs + o / s.group_outputs] * d;
    }
    sums[kTapsAtOnce] += d;
  }

#pragma unroll
  for (unsigned t = 0; t <= kTapsAtOnce; ++t) shared[warp][t][lane] = sums[t];
  __syncthreads();
  const unsigned width = partial_quads(size) * 4;
  for (unsigned t = warp; t <= kTapsAtOnce; t += kWarps) {
    const unsigned row = t == kTapsAtOnce ? taps : first_tap + t;
    const bool exists = t == kTapsAtOnce ? group == 0 : row < taps;
    if (!exists || o >= width) continue;
    float total = 0.0f;
#pragma unroll
    for (unsigned w = 0; w < kWarps; ++w) total += shared[w][t][lane];
    partials[(part * partial_rows(size) + row) * width + o] = total;
  }
}

// ---- launching

Places places_of(unsigned images, unsigned rows, unsigned columns, unsigned channels) {
  return {images * rows * columns * channels, Divider(channels), Divider(columns), Divider(rows)};
}

}  // namespace

void depthwise_conv2d_forward(const Conv2dGeometry& g, ConstView x, const float* kernel,
                              const float* bias, bool relu, View y, Stream stream) {
  const Conv2dSizes s(g, x.batch);
  const bool quads = s.group_outputs == 1 && in_quads(x.data, s.inputs) &&
                     in_quads(kernel, s.outputs) && in_quads(y.data, s.outputs);
  const unsigned pixels = (s.out_width - 1) / kRowPixels + 1;
  const Places places = places_of(s.batch, s.out_height, pixels, quads ? s.outputs / 4 : s.outputs);
  run_each(places.count, quads ? forward_kernel<4> : forward_kernel<1>, stream, s, places, x.data,
           kernel, bias, relu, y.data);
}

void depthwise_conv2d_backward_input(const Conv2dGeometry& g, ConstView dz, const float* kernel,
                                     View dx, Stream stream) {
  const Conv2dSizes s(g, dz.batch);
  const bool quads = s.group_outputs == 1 && in_quads(dz.data, s.outputs) &&
                     in_quads(kernel, s.outputs) && in_quads(dx.data, s.inputs);
  const Places places =
      places_of(s.batch, s.in_height, s.in_width, quads ? s.inputs / 4 : s.inputs);
  run_each(places.count, quads ? backward_input_kernel<4> : backward_input_kernel<1>, stream, s,
           places, dz.data, kernel, dx.data);
}

void depthwise_conv2d_backward_params(const Conv2dGeometry& g, ConstView x, ConstView dz,
                                      bool accumulate, float* dkernel, float* dbias, float* scratch,
                                      Stream stream) {
  const Conv2dSizes s(g, x.batch);
  const Parts parts = parts_of(s);
  const ProductSize size = gradient_size(s);
  const dim3 blocks(parts.count * parts.tap_groups * parts.channel_groups);
  run(backward_params_kernel, {blocks, dim3(kWarps * kWarp)}, stream, s, parts, x.data, dz.data,
      size, scratch);
  const Gradients out{
      dkernel, dbias, s.outputs, s.taps(), s.outputs, accumulate, in_quads(dkernel, s.outputs)};
  add_parts(ParameterGradients{out}, size, parts.count, scratch, stream);
}

std::int64_t depthwise_conv2d_scratch(const Conv2dGeometry& g, int batch) {
  const Conv2dSizes s(g, batch);
  return partial_floats(gradient_size(s), parts_of(s).count);
}

}  // namespace pycnn::cuda
