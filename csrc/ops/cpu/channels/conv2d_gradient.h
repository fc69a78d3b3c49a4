#pragma once
// The sums of backward_params over rows of positions,
//   dw[a, b, i][o] = sum over positions p of x[p][a, b, i] * dz[p][o],
// for tiles of the kernel: J entries (tap, input channel) x O vectors of output channels.

#include "ops/conv2d.h"
#include "ops/cpu/channels/conv2d_product.h"

namespace pycnn::cpu::PYCNN_ISA::channels {

// Positions whose x and dz stay in the cache while tiles pass, and tiles that pass in a group.
inline constexpr int kBandPositions = 128;
inline constexpr int kTileGroup = 128;

// Up to here the entries of a tile may be of several taps, each with an offset of its own in a
// register; with more channels a tile has neighbouring channels of one tap.
inline constexpr int kFewChannels = 7;
inline constexpr int kOffsets = 8;

PYCNN_INLINE void put(V v, bool accumulate, float* to) {
  store_unaligned(to, accumulate ? load_unaligned(to) + v : v);
}

// to[0..count) = or += from[0..count), for at most W numbers.
PYCNN_INLINE void put(const float* from, std::int64_t count, bool accumulate, float* to) {
  if (count >= W) return put(load(from), accumulate, to);
  for (int i = 0; i < count; ++i) to[i] = accumulate ? to[i] + from[i] : from[i];
}

// The tiles of a kernel: in order of output vectors, input channels, taps.
struct Entries {
  int taps, channels, vectors;
  bool mixed;
  explicit Entries(const Conv2dGeometry& g)
      : taps(g.kernel_height * g.kernel_width),
        channels(g.in_channels),
        vectors(vectors_of(g.out_channels)),
        mixed(channels <= kFewChannels) {}

  Split columns() const { return {vectors, kTileVectors}; }
  int most(int tile_vectors) const {
    const int most = kAccumulators / tile_vectors;
    return mixed && most > kOffsets ? kOffsets : most;
  }
  // Of the entries, for tiles of so many vectors: all of them, or those of one tap.
  Split rows(int tile_vectors) const {
    return {mixed ? taps * channels : channels, most(tile_vectors)};
  }
  int tiles_of(int tile_vectors) const { return rows(tile_vectors).parts * (mixed ? 1 : taps); }
  std::int64_t tiles() const {
    std::int64_t sum = 0;
    const Split split = columns();
    for (int i = 0; i < split.parts; ++i) sum += tiles_of(split.size(i));
    return sum;
  }
};

// Rows of one image: x and dz at the first position, and the steps in both.
struct Band {
  const float *x, *dz;
  std::int64_t x_step, x_row, dz_step, dz_row;
  int rows, columns;
};

// A tile of the kernel: its place in dkernel, and how many numbers from there on are channels.
struct Target {
  float* dkernel;
  std::int64_t entry;
  int channels;
  bool accumulate;
};

// Out of line: the numbers of a cut vector are picked one by one, and sums that are picked apart
// would not stay in registers.
__attribute__((noinline)) inline void put_tile(const float* sums, int entries, int vectors,
                                               const Target& to) {
  for (int j = 0; j < entries; ++j) {
    for (int o = 0; o < vectors; ++o, sums += W) {
      put(sums, to.channels - o * W, to.accumulate, to.dkernel + j * to.entry + o * W);
    }
  }
}

// Mixed: entry j reads x at offset[j]; else at j.
template <bool Mixed, int J, int O>
void gradient_tile(const Band& band, const std::int64_t* offsets, const Target& to) {
  std::int64_t offset[J];
  PYCNN_UNROLL
  for (int j = 0; j < J; ++j) offset[j] = Mixed ? offsets[j] : j;
  V acc[J][O] = {};
  for (int h = 0; h < band.rows; ++h) {
    const float* x = band.x + h * band.x_row;
    const float* dz = band.dz + h * band.dz_row;
    for (int w = 0; w < band.columns; ++w, x += band.x_step, dz += band.dz_step) {
      V v[O];
      PYCNN_UNROLL
      for (int o = 0; o < O; ++o) v[o] = load(dz + o * W);
      PYCNN_UNROLL
      for (int j = 0; j < J; ++j) {
        const float xj = x[offset[j]];
        PYCNN_UNROLL
        for (int o = 0; o < O; ++o) acc[j][o] += v[o] * xj;
      }
    }
  }
  if (to.channels >= O * W) {
    PYCNN_UNROLL
    for (int j = 0; j < J; ++j) {
      PYCNN_UNROLL
      for (int o = 0; o < O; ++o) put(acc[j][o], to.accumulate, to.dkernel + j * to.entry + o * W);
    }
    return;
  }
  alignas(64) float sums[J * O * W];
  PYCNN_UNROLL
  for (int j = 0; j < J; ++j) {
    PYCNN_UNROLL
    for (int o = 0; o < O; ++o) store(sums + (j * O + o) * W, acc[j][o]);
  }
  put_tile(sums, J, O, to);
}

// Tile `index` of those of `vectors` output vectors from `vector` on; `band` begins at x's corner
// of the kernel and at dz's channel 0.
inline void sum_tile(const Conv2dGeometry& g, const Entries& entries, int vector, int vectors,
                     std::int64_t index, std::int64_t tap_row, std::int64_t tap_column, Band band,
                     bool accumulate, float* dkernel) {
  const Split rows = entries.rows(vectors);
  const int part = static_cast<int>(entries.mixed ? index : index / entries.taps);
  const int tap = static_cast<int>(entries.mixed ? 0 : index % entries.taps);
  const int size = rows.size(part);
  const int first = part * rows.base + (part < rows.larger ? part : rows.larger);
  const auto tap_offset = [&](int t) {
    return t / g.kernel_width * tap_row + t % g.kernel_width * tap_column;
  };
  band.dz += vector * W;
  const Target to{dkernel + (std::int64_t{tap} * g.in_channels + first) * g.out_channels +
                      std::int64_t{vector} * W,
                  g.out_channels, g.out_channels - vector * W, accumulate};
  if (entries.mixed) {
    std::int64_t offsets[kOffsets];
    for (int j = 0; j < size; ++j) {
      offsets[j] = tap_offset((first + j) / g.in_channels) + (first + j) % g.in_channels;
    }
    dispatch<kTileVectors>(vectors, [&](auto o) {
      constexpr int kMost = kAccumulators / o.value;
      dispatch<(kMost < kOffsets ? kMost : kOffsets)>(
          size, [&](auto j) { gradient_tile<true, j.value, o.value>(band, offsets, to); });
    });
  } else {
    band.x += tap_offset(tap) + first;
    dispatch<kTileVectors>(vectors, [&](auto o) {
      dispatch<kAccumulators / o.value>(
          size, [&](auto j) { gradient_tile<false, j.value, o.value>(band, nullptr, to); });
    });
  }
}

// Calls f(image, first row, rows) for the bands of `rows`, which are counted through all images.
template <typename F>
PYCNN_INLINE void for_bands(const ConstChannelView& dz, Share rows, F f) {
  const int most = kBandPositions > dz.width ? kBandPositions / dz.width : 1;
  for (std::int64_t r = rows.begin; r < rows.end;) {
    const std::int64_t n = r / dz.height;
    const std::int64_t end = (n + 1) * dz.height < rows.end ? (n + 1) * dz.height : rows.end;
    const Split bands(static_cast<int>(end - r), most);
    for (int i = 0; i < bands.parts; r += bands.size(i++)) f(n, r - n * dz.height, bands.size(i));
  }
}

// Row h of dz, and the last of x that it meets: asked for beside a tile of the band before theirs.
PYCNN_INLINE void prefetch_rows(const Conv2dGeometry& g, const ConstChannelView& x,
                                const ConstChannelView& dz, std::int64_t n, std::int64_t h) {
  prefetch_row(dz, n, h);
  prefetch_row(x, n, h * g.stride_height + g.kernel_height - 1 - g.pad_top);
}

// dkernel = or += the sums over `rows`, for the tiles `mine`.
inline void sum_kernel(const Conv2dGeometry& g, const Entries& entries, const ConstChannelView& x,
                       const ConstChannelView& dz, Share rows, Share mine, bool accumulate,
                       float* dkernel) {
  const std::int64_t tap_row = g.dilation_height * x.row;
  const std::int64_t tap_column = g.dilation_width * x.pixel();
  const Split columns = entries.columns();
  std::int64_t before = 0;
  for (int c = 0, vector = 0; c < columns.parts; vector += columns.size(c++)) {
    const int vectors = columns.size(c);
    const std::int64_t count = entries.tiles_of(vectors);
    const std::int64_t begin = mine.begin > before ? mine.begin - before : 0;
    const std::int64_t end = mine.end - before < count ? mine.end - before : count;
    before += count;
    if (begin >= end) continue;
    const Split groups(static_cast<int>(end - begin), kTileGroup);
    std::int64_t last = begin;
    for (int k = 0; k < groups.parts; ++k) {
      const std::int64_t group = last;
      last += groups.size(k);
      bool add = accumulate;
      for_bands(dz, rows, [&](std::int64_t n, std::int64_t h, int height) {
        const Band band{x.at(n, h * g.stride_height - g.pad_top, -g.pad_left),
                        dz.at(n, h, 0),
                        g.stride_width * x.pixel(),
                        g.stride_height * x.row,
                        dz.pixel(),
                        dz.row,
                        height,
                        dz.width};
        for (std::int64_t i = group; i < last; ++i) {
          if (i - group < height) prefetch_rows(g, x, dz, n, h + height + i - group);
          sum_tile(g, entries, vector, vectors, i, tap_row, tap_column, band, add, dkernel);
        }
        add = true;
      });
    }
  }
}

// dbias = or += the sums of dz over `rows`, for the vectors `mine`: band by band, which rounds less
// than one long sum.
inline void sum_bias(const ConstChannelView& dz, Share rows, Share mine, bool accumulate,
                     float* dbias) {
  for (std::int64_t o = mine.begin; o < mine.end; ++o) {
    V total{};
    for_bands(dz, rows, [&](std::int64_t n, std::int64_t h, int height) {
      V sum{};
      for (int i = 0; i < height; ++i) {
        for (int w = 0; w < dz.width; ++w) sum += load(dz.at(n, h + i, w) + o * W);
      }
      total += sum;
    });
    alignas(64) float sums[W];
    store(sums, total);
    put(sums, dz.channels - o * W, accumulate, dbias + o * W);
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels
