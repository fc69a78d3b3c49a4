#include "ops/cuda/conv2d_window.cuh"

// With stride s, the pixels r, r + s, r + 2 s, ... of an axis share a phase: they see the same
// taps, every s-th, and one output after the other. So dx is one product for each phase (of both
// axes) and group: of the windows in dz that end at the pixels, and of the phase's taps of the
// kernel. No term of it is 0 for the stride's sake.
namespace pycnn::cuda {
namespace {

// Pixel r + stride * p sees output p + shift - t * dilation through tap first + stride * t. Stride
// or dilation is 1.
struct Phase {
  unsigned start, pixels, first, taps, shift;

  __device__ Phase(unsigned r, unsigned in, unsigned kernel, unsigned stride, unsigned pad)
      : start(r),
        pixels((in - r - 1) / stride + 1),
        first((r + pad) % stride),
        taps(first < kernel ? (kernel - first - 1) / stride + 1 : 0),
        shift((r + pad) / stride) {}
};

// Element (channel c, term (tap t, tap u, output o)) of a phase's kernel.
struct KernelAlong {
  static constexpr bool kAlongSum = true;
  const float* data;  // the group's first output of the phase's first tap
  unsigned channels, terms;
  unsigned channel_step, row_step, column_step;
  Divider inner, taps;
  bool quads;

  static constexpr unsigned kNone = ~0u;
  using Line = unsigned;
  struct Step {
    unsigned offset[4];
  };

  __device__ Line line(unsigned c) const { return c < channels ? c * channel_step : kNone; }
  __device__ unsigned offset(unsigned term) const {
    if (term >= terms) return kNone;
    const unsigned output = inner.split(term), u = taps.split(term);
    return term * row_step + u * column_step + output;
  }
  __device__ Step step(unsigned k) const {
    Step s{{offset(k)}};
    if (quads) return s;
#pragma unroll
    for (unsigned j = 1; j < 4; ++j) s.offset[j] = offset(k + j);
    return s;
  }
  __device__ void load(Line line, const Step& s, float (&v)[4]) const {
    if (quads && line != kNone && s.offset[0] != kNone) {
      return load_quad(data + (line + s.offset[0]), v);
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      v[j] = !quads && line != kNone && s.offset[j] != kNone ? data[line + s.offset[j]] : 0.0f;
    }
  }
};

// The phase's pixels of dx, row (image, p, q).
struct Pixels {
  float* data;  // of the group's first channel of the phase's first pixel
  unsigned rows, columns;
  Divider down, right;  // pixels of the phase
  unsigned image_step, row_step, column_step;
  bool quads;

  template <int N>
  __device__ void store(unsigned row, unsigned column, const float (&v)[N]) const {
    if (row >= rows || column >= columns) return;
    unsigned image = row;
    const unsigned q = right.split(image), p = down.split(image);
    store_row(data + (image * image_step + p * row_step + q * column_step + column), v,
              columns - column, quads);
  }
};

// Product `index` is that of phase (r, q) and of a group: (r * columns of phases + q) * groups +
// group.
struct BackwardInput {
  static constexpr bool kColumnSums = false;
  Conv2dSizes s;
  const float* dz;
  const float* kernel;
  float* dx;
  bool dz_quads, kernel_quads, dx_quads;

  struct Part {
    unsigned group;
    Phase down, right;
  };
  __device__ Part part(unsigned index) const {
    const unsigned phase = index / s.groups, columns = min(s.stride_width, s.in_width);
    return {index % s.groups,
            {phase / columns, s.in_height, s.kernel_height, s.stride_height, s.pad_top},
            {phase % columns, s.in_width, s.kernel_width, s.stride_width, s.pad_left}};
  }

  __device__ Factors<WindowsAlong, KernelAlong> factors(unsigned index) const {
    const Part p = part(index);
    const unsigned terms = p.down.taps * p.right.taps * s.group_outputs;
    const Divider outputs(s.group_outputs), taps(max(p.right.taps, 1u));
    const unsigned column = s.group_inputs * s.outputs, row = s.kernel_width * column;
    const Windows windows{
        dz + p.group * s.group_outputs,
        s.batch * p.down.pixels * p.right.pixels,
        terms,
        ~0u,  // taps lead back
        s.outputs,
        outputs,
        {s.out_height, 1, p.down.shift, 0u - s.dilation_height, Divider(p.down.pixels)},
        {s.out_width, 1, p.right.shift, 0u - s.dilation_width, Divider(p.right.pixels)},
        taps,
        dz_quads};
    const KernelAlong weights{
        kernel + (p.down.first * row + p.right.first * column + p.group * s.group_outputs),
        s.group_inputs,
        terms,
        s.outputs,
        s.stride_height * row,
        s.stride_width * column,
        outputs,
        taps,
        kernel_quads};
    return {{windows}, weights, terms};
  }

  __device__ Pixels result(unsigned index) const {
    const Part p = part(index);
    const unsigned row = s.in_width * s.inputs;
    return {dx + (p.down.start * row + p.right.start * s.inputs + p.group * s.group_inputs),
            s.batch * p.down.pixels * p.right.pixels,
            s.group_inputs,
            Divider(p.down.pixels),
            Divider(p.right.pixels),
            s.in_height * row,
            s.stride_height * row,
            s.stride_width * s.inputs,
            dx_quads};
  }
};

}  // namespace

void conv2d_backward_input(const Conv2dGeometry& g, ConstView dz, const float* kernel, View dx,
                           float* scratch, Precision precision, Stream stream) {
  const Conv2dSizes s(g, dz.batch);
  const bool output_quads = s.group_outputs % 4 == 0, input_quads = s.group_inputs % 4 == 0;
  multiply(BackwardInput{s, dz.data, kernel, dx.data, output_quads && in_quads(dz.data, s.outputs),
                         output_quads && in_quads(kernel, s.outputs),
                         input_quads && in_quads(dx.data, s.inputs)},
           s.backward_input(), scratch, precision, stream);
}

}  // namespace pycnn::cuda
