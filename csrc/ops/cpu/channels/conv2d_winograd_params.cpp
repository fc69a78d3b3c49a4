#include "ops/cpu/channels/conv2d_gradient.h"
#include "ops/cpu/channels/conv2d_winograd_bands.h"

// The kernel's gradient. For a block of input channels i and a tile of output channels o,
//   sums[point][a][i][o] = sum over h, t of x[point][h + a, t][i] * dz[point][h, t][o]
// over rows h and tiles t, x and dz being six columns and four gradients at the points.
namespace pycnn::cpu::PYCNN_ISA::channels::winograd {
namespace {

constexpr int kPieces = 32;      // of the work, wanted for as many threads
constexpr int kChunks = 16;      // of the rows, at most
constexpr int kChunkTiles = 32;  // at least, so that sums are longer than what ends them

// The kernel's blocks, and the chunks of rows that sums are cut into where blocks are few.
struct Plan {
  Split channels, vectors;
  std::int64_t chunks;

  Plan(const Conv2dGeometry& g, int images)
      : channels((g.in_channels + kLanes - 1) / kLanes, kChannels / kLanes),
        vectors(vectors_of(g.out_channels), kTileVectors) {
    const std::int64_t tiles = (g.out_width + kTileColumns - 1) / kTileColumns;
    const std::int64_t rows = std::int64_t{images} * g.out_height;
    const std::int64_t together = (kChunkTiles + tiles - 1) / tiles;
    const std::int64_t most = (rows + together - 1) / together;
    chunks = (kPieces + blocks() - 1) / blocks();
    if (chunks > kChunks) chunks = kChunks;
    if (chunks > most) chunks = most;
  }

  std::int64_t blocks() const { return std::int64_t{channels.parts} * vectors.parts; }
};

// Floats of the sums of a chunk.
std::int64_t sum_count(const Conv2dGeometry& g) {
  return std::int64_t{kPoints} * kTaps * ((g.in_channels + kLanes - 1) / kLanes * kLanes) *
         vectors_of(g.out_channels) * W;
}

// Input channels and output vectors of a block, and where its sums begin in a chunk's.
struct Block {
  int channel, count, vector, vectors;
  std::int64_t sums;

  Block(const Conv2dGeometry& g, const Plan& plan, std::int64_t index) {
    const int c = static_cast<int>(index / plan.vectors.parts);
    const int v = static_cast<int>(index % plan.vectors.parts);
    const auto before = [](const Split& split, int i) {
      return i * split.base + (i < split.larger ? i : split.larger);
    };
    channel = before(plan.channels, c) * kLanes;
    const int most = plan.channels.size(c) * kLanes, left = g.in_channels - channel;
    count = left < most ? left : most;
    vector = before(plan.vectors, v);
    vectors = plan.vectors.size(v);
    const std::int64_t all = vectors_of(g.out_channels);
    sums = kPoints * kTaps * W * (channel * all + std::int64_t{most} * vector);
  }

  int width() const { return vectors * W; }
  std::int64_t tap_row() const { return std::int64_t{count} * width(); }
};

// At the points, for a band of rows.
struct Values {
  alignas(64) float x[kBandValues];
  alignas(64) float dz[kPoints * kBandTiles * kTileVectors * W];
};

static_assert(sizeof(Values) <= kWorkspaceBytes);

// To [point][row][tile][lane].
void transform_dz(const ConstChannelView& dz, const Block& block, const Band& band, float* to) {
  const std::int64_t point = std::int64_t{band.positions()} * block.width();
  const std::int64_t pixel = dz.pixel();
  for (int r = 0; r < band.rows; ++r) {
    for (int t = 0; t < band.tiles; ++t) {
      const int column = (band.tile + t) * kTileColumns;
      const int columns = dz.width - column;
      const float* from = dz.at(band.image, band.row + r, column) + block.vector * W;
      for (int o = 0; o < block.width(); o += W, to += W) {
        V d[kTileColumns], u[kPoints];
        PYCNN_UNROLL
        for (int j = 0; j < kTileColumns; ++j) {
          d[j] = j < columns ? load(from + j * pixel + o) : V{};
        }
        gradients_to_points(d, u);
        PYCNN_UNROLL
        for (int k = 0; k < kPoints; ++k) store(to + k * point, u[k]);
      }
    }
  }
}

// sums = or += the products.
void multiply_points(const ConstChannelView& x, const ConstChannelView& dz, const Block& block,
                     const Band& band, int step, const Values& values, bool accumulate,
                     float* sums) {
  const int positions = band.positions(), width = block.width();
  const std::int64_t x_point = std::int64_t{band.rows + kTaps - 1} * band.tiles * step;
  const Split parts(block.count, kAccumulators / block.vectors);
  for (int k = 0; k < kPoints; ++k) {
    prefetch_band(x, band, band.rows + 1, k);
    prefetch_band(dz, band, band.rows, k);
    for (int a = 0; a < kTaps; ++a) {
      const float* values_x = values.x + k * x_point + std::int64_t{a} * band.tiles * step;
      const float* values_dz = values.dz + std::int64_t{k} * positions * width;
      for (int i = 0, first = 0; i < parts.parts; first += parts.size(i++)) {
        const channels::Band rows{values_x + first, values_dz, step, 0, width, 0, 1, positions};
        const Target to{sums + std::int64_t{first} * width, width, width, accumulate};
        dispatch<kTileVectors>(block.vectors, [&](auto o) {
          dispatch<kAccumulators / o.value>(parts.size(i), [&](auto j) {
            gradient_tile<false, j.value, o.value>(rows, nullptr, to);
          });
        });
      }
      sums += block.tap_row();
    }
  }
}

// to[i] = or += from[i] / 24.
void add_taps(const float* from, int count, bool accumulate, float* to) {
  for (int i = 0; i < count; ++i) {
    const float sum = accumulate ? from[i] + kScale * to[i] : from[i];
    to[i] = sum * (1.0f / kScale);
  }
}

// The sums of a block over the rows `rows`, counted through all images.
void sum_rows(const Conv2dGeometry& g, const ConstChannelView& x, const ConstChannelView& dz,
              const Block& block, Share rows, Values& values, float* sums) {
  const int tiles = (dz.width + kTileColumns - 1) / kTileColumns;
  const Padded padded{x, g.pad_top, g.pad_left, block.channel, vectors_of(block.count) * W};
  bool accumulate = false;
  for_bands(tiles, dz.height, rows.begin, rows.end, 1, [&](const Band& band) {
    transform_x(padded, band, values.x);
    transform_dz(dz, block, band, values.dz);
    multiply_points(x, dz, block, band, padded.step, values, accumulate, sums);
    accumulate = true;
  });
}

// From the sums of all chunks to the gradients of the taps of row `a` of the kernel.
void finish_row(const Conv2dGeometry& g, const Plan& plan, const Block& block, int a,
                const float* sums, bool accumulate, float* dkernel) {
  const std::int64_t chunk = sum_count(g), point = kTaps * block.tap_row();
  const std::int64_t column = std::int64_t{g.in_channels} * g.out_channels;
  const float* from = sums + block.sums + a * block.tap_row();
  for (int i = 0; i < block.count; ++i) {
    float* to = dkernel + a * kTaps * column + std::int64_t{block.channel + i} * g.out_channels +
                block.vector * W;
    for (int o = 0; o < block.width(); o += W, from += W) {
      V m[kPoints], w[kTaps];
      PYCNN_UNROLL
      for (int k = 0; k < kPoints; ++k) m[k] = load(from + k * point);
      for (std::int64_t c = 1; c < plan.chunks; ++c) {
        PYCNN_UNROLL
        for (int k = 0; k < kPoints; ++k) m[k] += load(from + c * chunk + k * point);
      }
      points_to_taps(m, w);
      const int channels = g.out_channels - block.vector * W - o;
      PYCNN_UNROLL
      for (int b = 0; b < kTaps; ++b) {
        alignas(64) float taps[W];
        store(taps, w[b]);
        add_taps(taps, channels < W ? channels : W, accumulate, to + b * column + o);
      }
    }
  }
}

}  // namespace

std::int64_t sum_kernel_scratch(const Conv2dGeometry& g, int images) {
  return Plan(g, images).chunks * sum_count(g);
}

void sum_kernel(Team& team, const Conv2dGeometry& g, const ConstChannelView& x,
                const ConstChannelView& dz, bool accumulate, float* scratch, float* dkernel) {
  const Plan plan(g, dz.images);
  const std::int64_t rows = std::int64_t{dz.images} * dz.height;
  auto& values = *reinterpret_cast<Values*>(team.workspace());
  const Share pieces = share(team, plan.chunks * plan.blocks());
  for (std::int64_t p = pieces.begin; p < pieces.end; ++p) {
    const std::int64_t c = p / plan.blocks();
    const Block block(g, plan, p % plan.blocks());
    sum_rows(g, x, dz, block, {rows * c / plan.chunks, rows * (c + 1) / plan.chunks}, values,
             scratch + c * sum_count(g) + block.sums);
  }
  team.barrier();
  const Share kernel_rows = share(team, plan.blocks() * kTaps);
  for (std::int64_t r = kernel_rows.begin; r < kernel_rows.end; ++r) {
    finish_row(g, plan, Block(g, plan, r / kTaps), static_cast<int>(r % kTaps), scratch, accumulate,
               dkernel);
  }
}

}  // namespace pycnn::cpu::PYCNN_ISA::channels::winograd
