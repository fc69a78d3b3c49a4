#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_patches.h"
#include "ops/cpu/conv2d_split.h"
#include "ops/cpu/conv2d_tile.h"

// The weights' gradient of conv2d with pooling where the rows of a patch are a few floats and the
// vectors short, too: image by image, each window that has a gradient adds its patch, read from the
// rows of the image as they lie there.
namespace pycnn::cpu::PYCNN_ISA {
namespace {

using Place = PoolRowsScratch::Place;

// Windows at a time, each with sums of its own: with one, it would wait for the sums of the last.
constexpr int kWindows = 2;
static_assert(kWindows == 2, "add_rows takes them by name");
// Tile of kernel rows x vectors of each.
constexpr int kVectors = 2;
constexpr int kTiles = kAccumulators / kWindows;
// Windows of all images before the next ones: what they see stays in the cache.
constexpr int kChunk = 64;

// Of one channel and kChunk windows.
struct BlockWindows {
  const std::uint32_t* live;  // as in LiveMasks
  bool half;                  // no more than 32
  const Place* places;
  const float* gradients;
  const std::uint8_t* code;
  std::int64_t moves[4];  // in an image, by the winner's place

  // Those of an image that have a gradient.
  PYCNN_INLINE std::uint64_t of(int image) const {
    return live[image] | (half ? 0 : std::uint64_t{live[image + kLanes]} << 32);
  }
};

// dkernel += sum of gradient * patch, R rows of N vectors.
template <int R, int N>
void add_rows(const PatchColumns& p, const float* images, const BlockWindows& windows,
              float* dkernel) {
  V acc[kWindows][R][N] = {};
  for (int l = 0; l < kLanes; ++l, images += p.image) {
    const float* rows[R];
    PYCNN_UNROLL
    for (int r = 0; r < R; ++r) rows[r] = images + r * p.image_row;
    // The first window of a set. Of an odd number the last comes twice, once with a mask of 0 for a
    // gradient of 0.
    const auto add = [&](std::uint64_t set, std::int32_t mask, V(&sums)[R][N]) {
      const Place& place = windows.places[__builtin_ctzll(set)];
      const std::int64_t at = place.x + windows.moves[windows.code[place.code + l]];
      const V gradient = splat(windows.gradients[place.dy + l]);
      const V factor = as_float(as_int(gradient) & splat_int(mask));
      PYCNN_UNROLL
      for (int r = 0; r < R; ++r) {
        PYCNN_UNROLL
        for (int n = 0; n < N; ++n) sums[r][n] += factor * load_unaligned(rows[r] + at + n * W);
      }
    };
    for (std::uint64_t left = windows.of(l); left != 0;) {
      const std::uint64_t next = left & (left - 1);
      add(left, -1, acc[0]);
      add(next != 0 ? next : left, next != 0 ? -1 : 0, acc[1]);
      left = next & (next - 1);
    }
  }
  PYCNN_UNROLL
  for (int r = 0; r < R; ++r) {
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) {
      float* to = dkernel + r * p.pitch + n * W;
      store(to, load(to) + (acc[0][r][n] + acc[1][r][n]));
    }
  }
}

// The same for all rows and vectors of the kernel.
void add_kernel(const Conv2dGeometry& g, const PatchColumns& p, const float* images,
                const BlockWindows& windows, float* dkernel) {
  const std::int64_t vectors = (p.run + W - 1) / W;
  for_parts<kVectors>(vectors, [&](int j, auto n) {
    for_parts<kTiles / n.value>(g.kernel_height, [&](int a, auto r) {
      add_rows<r.value, n.value>(p, images + a * p.image_row + j * W, windows,
                                 dkernel + a * p.pitch + j * W);
    });
  });
}

}  // namespace

void conv2d_pool_rows_params(const Conv2dGeometry& g, ConstView x, ConstView dy,
                             const std::uint8_t* code, bool accumulate, float* scratch,
                             float* dkernel, float* dbias) {
  const PatchColumns p(g);
  const PoolRowsScratch s(g);
  split_images(g, p, x, scratch + s.images);
  const std::int64_t right = std::int64_t{g.stride_width} * g.in_channels;
  const std::int64_t down = g.stride_height * p.image_row;
  Place* places = reinterpret_cast<Place*>(scratch + s.places);
  const std::int64_t window = std::int64_t{dy.channels} * kLanes;
  for (int h = 0, i = 0; h < dy.height; ++h) {
    for (int w = 0; w < dy.width; ++w, ++i) {
      places[i] = {2 * (h * down + w * right), dy.at(h, w) - dy.data, i * window};
    }
  }
  std::uint32_t* masks = reinterpret_cast<std::uint32_t*>(scratch + s.masks);
  const LiveMasks live{dy.channels, dy.height * dy.width, kLanes, window};
  find_live(live, code, masks, [](VI place) { return place != 4; });
  float* patches = scratch + s.dkernel;
  clear(patches, g.out_channels * p.patch);
  for (int word = 0; word < live.words(); word += kChunk / 32) {
    for (int o = 0; o < g.out_channels; ++o) {
      const BlockWindows windows{masks + o * live.row() + word * kLanes,
                                 word + 1 == live.words(),
                                 places + 32 * word,
                                 dy.at(0, 0, o),
                                 code + o * kLanes,
                                 {0, right, down, down + right}};
      add_kernel(g, p, scratch + s.images, windows, patches + o * p.patch);
    }
  }
  write_kernel(g, p, patches, accumulate, dkernel);
  if (dbias != nullptr) backward_pooled_bias(dy, code, accumulate, dbias);
}

}  // namespace pycnn::cpu::PYCNN_ISA
