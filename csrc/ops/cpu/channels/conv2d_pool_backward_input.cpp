#include "ops/cpu/channels/conv2d_passes.h"
#include "ops/cpu/channels/conv2d_product.h"
#include "ops/cpu/transpose.h"

// The input's gradient of conv2d with pooling, without the gradient of the convolution's output.
// At each pixel of that output only the channels count whose maximum was there. The lanes lie along
// the patch that they read: for each kernel row one run of (column, channel) pairs, which dx has as
// it is.
namespace pycnn::cpu::PYCNN_ISA::channels {
namespace {

constexpr int kPatchVectors = kAccumulators == 24 ? 16 : 10;  // summed at a time
constexpr int kBits = 64;                                     // channels of a mask
constexpr std::int64_t kGroupFloats = 64 * 1024;  // of dx, which stay in the second-level cache

PYCNN_INLINE int words_of(const Conv2dGeometry& g) { return (g.out_channels + kBits - 1) / kBits; }

// A kernel row as a run of vectors, and the parts that it is summed in.
struct Run {
  int vectors;
  Split parts;
  explicit Run(const Conv2dGeometry& g)
      : vectors(g.kernel_width * g.in_channels / W), parts(vectors, kPatchVectors) {}
};

// Bit `bit` of each of 8 bytes.
PYCNN_INLINE std::uint64_t bits_of(std::uint64_t bytes, int bit) {
  return ((bytes >> bit) & 0x0101010101010101u) * 0x0102040810204080u >> 56;
}

// For each window, word of 64 channels and place the channels whose gradient goes there.
void make_masks(const Team& team, const ConstChannelCodes& code, int words, std::uint64_t* masks) {
  const std::int64_t windows = std::int64_t{code.height} * code.width;
  const Share mine = share(team, code.images * windows);
  for (std::int64_t i = mine.begin; i < mine.end; ++i) {
    const std::int64_t at = i % windows;
    const std::uint8_t* codes = code.at(i / windows, at / code.width, at % code.width);
    for (int word = 0; word < words; ++word) {
      const int left = code.channels - word * kBits, count = left < kBits ? left : kBits;
      std::uint64_t bits[3] = {};  // of the channels' codes
      for (int o = 0; o < count; o += 8) {
        std::uint64_t bytes;
        __builtin_memcpy(&bytes, codes + word * kBits + o, 8);
        PYCNN_UNROLL
        for (int b = 0; b < 3; ++b) bits[b] |= bits_of(bytes, b) << o;
      }
      const std::uint64_t all = ~std::uint64_t{0} >> (kBits - count) & ~bits[2];
      std::uint64_t* to = masks + (i * words + word) * 4;
      to[0] = all & ~bits[0] & ~bits[1];
      to[1] = all & bits[0] & ~bits[1];
      to[2] = all & ~bits[0] & bits[1];
      to[3] = all & bits[0] & bits[1];
    }
  }
}

// W rows of the kernel to one vector of each output channel's patch.
void transpose_rows(const float* from, int out_channels, float* to, std::int64_t to_row) {
  for (int o = 0; o < out_channels; o += W) {
    V rows[W];
    PYCNN_UNROLL
    for (int i = 0; i < W; ++i) rows[i] = load_unaligned(from + std::int64_t{i} * out_channels + o);
    transpose(rows);
    PYCNN_UNROLL
    for (int i = 0; i < W; ++i) {
      if (o + i < out_channels) store(to + (o + i) * to_row, rows[i]);
    }
  }
}

// To [kernel row][part of the run][output channel][vectors of the part].
void transpose_kernel(const Team& team, const Conv2dGeometry& g, const float* kernel,
                      float* weights) {
  const Run run(g);
  const Share mine = share(team, std::int64_t{g.kernel_height} * run.vectors);
  std::int64_t vector = 0;
  for (int a = 0; a < g.kernel_height; ++a) {
    for (int i = 0; i < run.parts.parts; ++i) {
      const int size = run.parts.size(i);
      float* part = weights + vector * W * g.out_channels;
      for (int v = 0; v < size; ++v, ++vector) {
        if (vector < mine.begin || vector >= mine.end) continue;
        transpose_rows(kernel + vector * W * g.out_channels, g.out_channels, part + v * W,
                       std::int64_t{size} * W);
      }
    }
  }
}

// patch += sum of gradient * weights over the channels whose bit is set, N vectors of the patch.
template <int N>
void scatter(std::uint64_t mask, const float* gradients, const float* weights, std::int64_t row,
             float* patch) {
  V acc[N];
  PYCNN_UNROLL
  for (int n = 0; n < N; ++n) acc[n] = load(patch + n * W);
  for (; mask != 0; mask &= mask - 1) {
    const int o = __builtin_ctzll(mask);
    const V gradient = splat(gradients[o]);
    const float* w = weights + o * row;
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) acc[n] += gradient * load(w + n * W);
  }
  PYCNN_UNROLL
  for (int n = 0; n < N; ++n) store(patch + n * W, acc[n]);
}

// One row of the convolution's output, as it is added to a row of dx.
struct OutputRow {
  const std::uint64_t* masks;  // of the first window, for the row's first place
  const float* gradients;
  std::int64_t mask_step, gradient_step;  // from window to window
  int columns;                            // of the output: two of each window
  float* dx;
  int dx_vectors;          // of the whole row
  int first, column_step;  // where in dx the first patch begins and what is between them: vectors
};

// N vectors of the patches; at the borders those that are inside.
template <int N>
void scatter_row(const OutputRow& row, const float* weights) {
  const auto add = [&](auto count, int column, int skip, std::int64_t at) {
    scatter<count.value>(row.masks[column / 2 * row.mask_step + column % 2],
                         row.gradients + column / 2 * row.gradient_step, weights + skip * W, N * W,
                         row.dx + (at + skip) * W);
  };
  std::int64_t at = row.first;
  for (int w = 0; w < row.columns; ++w, at += row.column_step) {
    if (at >= 0 && at + N <= row.dx_vectors) {
      add(Constant<N>(), w, 0, at);
      continue;
    }
    if constexpr (N > 1) {
      const int begin = at < 0 ? static_cast<int>(at < -N ? N : -at) : 0;
      const std::int64_t inside = row.dx_vectors - at;
      const int end = inside < N ? static_cast<int>(inside < 0 ? 0 : inside) : N;
      if (begin < end) {
        dispatch<N - 1>(end - begin, [&](auto count) { add(count, w, begin, at); });
      }
    }
  }
}

// Some rows of image n of dx.
struct Rows {
  int n, begin, end;
};

void backward_rows(const Conv2dGeometry& g, const ConstChannelView& dy, const std::uint64_t* masks,
                   const float* weights, const Rows& rows, const ChannelView& dx) {
  const Run run(g);
  const int words = words_of(g), pixel = g.in_channels / W;
  for (int h = rows.begin; h < rows.end; ++h) clear(dx.at(rows.n, h, 0), dx.width * dx.pixel());
  const float* part = weights;
  for (int a = 0; a < g.kernel_height; ++a) {
    for_parts<kPatchVectors>(run.vectors, [&](int first, auto n) {
      for (int word = 0; word < words; ++word) {
        for (int h = rows.begin; h < rows.end; ++h) {
          const int down = h + g.pad_top - a, oh = down / g.stride_height;
          if (down < 0 || down % g.stride_height != 0 || oh >= 2 * dy.height) continue;
          const std::int64_t window = (std::int64_t{rows.n} * dy.height + oh / 2) * dy.width;
          scatter_row<n.value>({masks + (window * words + word) * 4 + oh % 2 * 2,
                                dy.at(rows.n, oh / 2, 0) + word * kBits, 4 * words, dy.pixel(),
                                2 * dy.width, dx.at(rows.n, h, 0), dx.width * pixel,
                                first - g.pad_left * pixel, g.stride_width * pixel},
                               part + std::int64_t{word} * kBits * n.value * W);
        }
      }
      part += std::int64_t{g.out_channels} * n.value * W;
    });
  }
}

std::int64_t weight_count(const Conv2dGeometry& g) {
  return std::int64_t{g.kernel_height} * g.kernel_width * g.in_channels * g.out_channels;
}

}  // namespace

std::int64_t conv2d_pool_backward_input_scratch(const Conv2dGeometry& g, int images) {
  const std::int64_t windows = std::int64_t{images} * (g.out_height / 2) * (g.out_width / 2);
  return weight_count(g) + windows * words_of(g) * 4 * 2;
}

void conv2d_pool_backward_input(Team& team, const Conv2dGeometry& g, ConstChannelView dy,
                                ConstChannelCodes code, const float* kernel, float* scratch,
                                ChannelView dx) {
  std::uint64_t* masks = reinterpret_cast<std::uint64_t*>(scratch + weight_count(g));
  transpose_kernel(team, g, kernel, scratch);
  make_masks(team, code, words_of(g), masks);
  team.barrier();
  const std::int64_t fit = kGroupFloats / (dx.width * dx.pixel()), most = fit > 0 ? fit : 1;
  const Share mine = share(team, std::int64_t{dx.images} * dx.height);
  for (std::int64_t r = mine.begin; r < mine.end;) {
    const std::int64_t n = r / dx.height, rest = (n + 1) * dx.height - r;
    std::int64_t count = rest < most ? rest : most;
    if (mine.end - r < count) count = mine.end - r;
    const int begin = static_cast<int>(r - n * dx.height);
    backward_rows(g, dy, masks, scratch,
                  {static_cast<int>(n), begin, begin + static_cast<int>(count)}, dx);
    r += count;
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
