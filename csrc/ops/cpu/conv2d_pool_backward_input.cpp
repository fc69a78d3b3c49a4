#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/conv2d_patches.h"
#include "ops/cpu/transpose.h"

// The input's gradient of conv2d with pooling, without the gradient of the convolution's output.
namespace pycnn::cpu::PYCNN_ISA {
namespace {

constexpr int kAdded = 8;  // vectors of a run at a time

// For each window and place the channels whose gradient goes there, `words` x 32 bits for each
// image.
void make_masks(ConstView dy, const std::uint8_t* code, int words, std::uint32_t* masks) {
  for (int i = 0; i < dy.height * dy.width; ++i, masks += 4 * words * kLanes) {
    for (int word = 0; word < words; ++word) {
      const int count = dy.channels - 32 * word < 32 ? dy.channels - 32 * word : 32;
      const std::uint8_t* from = code + (std::int64_t{i} * dy.channels + 32 * word) * kLanes;
      for (int lane = 0; lane < kLanes; lane += W) {
        VI bits[3]{};  // bit o of bits[b] is bit b of channel o's code
        for (int o = count; o-- > 0;) {
          const VI place = load_bytes(from + o * kLanes + lane);
          PYCNN_UNROLL
          for (int b = 0; b < 3; ++b) bits[b] = bits[b] << 1 | (place >> b & 1);
        }
        const VI all = splat_int(static_cast<std::int32_t>(~0u >> (32 - count))) & ~bits[2];
        const VI place[4] = {all & ~bits[0] & ~bits[1], all & bits[0] & ~bits[1],
                             all & ~bits[0] & bits[1], all & bits[0] & bits[1]};
        PYCNN_UNROLL
        for (int p = 0; p < 4; ++p) {
          store(reinterpret_cast<float*>(masks + (p * words + word) * kLanes + lane),
                as_float(place[p]));
        }
      }
    }
  }
}

// To [channel][patch], zeros in the padding of the runs.
void read_kernel(const Conv2dGeometry& g, const PatchColumns& p, const float* kernel,
                 float* patches) {
  clear(patches, g.out_channels * p.patch);
  for (int a = 0; a < g.kernel_height; ++a) {
    for (std::int64_t j = 0; j < p.run; ++j) {
      for (int o = 0; o < g.out_channels; ++o) patches[o * p.patch + a * p.pitch + j] = *kernel++;
    }
  }
}

template <int N>
void add_runs(const PatchColumns& p, const float* column, float* image) {
  for (int h = 0; h < p.rows; ++h, column += p.pitch, image += p.image_row) {
    PYCNN_UNROLL
    for (int n = 0; n < N; ++n) {
      store_unaligned(image + n * W, load_unaligned(image + n * W) + load(column + n * W));
    }
  }
}

void join_images(const Conv2dGeometry& g, const PatchColumns& p, const float* images, View dx) {
  const std::int64_t row = std::int64_t{dx.width} * dx.channels;
  for (int h = 0; h < dx.height; ++h) {
    const float* from = images + (h + g.pad_top) * p.image_row + g.pad_left * g.in_channels;
    float* to = dx.at(h, 0);
    for (std::int64_t i = 0; i < row; i += kLanes, to += kLanes * kLanes) {
      images_to_block(from + i, p.image, row - i, to);
    }
  }
}

void add_patches(const Conv2dGeometry& g, ConstView dy, const std::uint8_t* code,
                 const float* kernel, float* scratch) {
  const PatchColumns p(g);
  const PoolBackwardInputScratch s(g);
  float* column = scratch + s.column;
  const float* patches = scratch + s.kernel;
  std::uint32_t* masks = reinterpret_cast<std::uint32_t*>(scratch + s.masks);
  make_masks(dy, code, s.words, masks);
  read_kernel(g, p, kernel, scratch + s.kernel);
  for (int l = 0; l < kLanes; ++l) {
    float* image = scratch + s.images + l * p.image;
    for (int c = 0; c < p.columns; ++c, image += g.stride_width * g.in_channels) {
      clear(column, p.column());
      for_parts<kPatchVectors>(p.patch / W, [&](int first, auto n) {
        for (int h = 0; h < 2 * dy.height; ++h) {
          const int window = h / 2 * dy.width + c / 2, place = h % 2 * 2 + c % 2;
          scatter_patch<n.value>(masks + (std::int64_t{window} * 4 + place) * s.words * kLanes + l,
                                 s.words, dy.at(h / 2, c / 2) + l, kLanes, patches + first * W,
                                 p.patch, column + h * p.down + first * W);
        }
      });
      for_parts<kAdded>(p.pitch / W, [&](int first, auto n) {
        add_runs<n.value>(p, column + first * W, image + first * W);
      });
    }
  }
}

}  // namespace

void conv2d_pool_backward_input(const Conv2dGeometry& g, ConstView dy, const std::uint8_t* code,
                                const float* kernel, float* scratch, View dx) {
  const PatchColumns p(g);
  const PoolBackwardInputScratch s(g);
  clear(scratch + s.images, kLanes * p.image);
  if (s.by_windows) {
    conv2d_pool_add_windows(g, dy, code, kernel, scratch);
  } else {
    add_patches(g, dy, code, kernel, scratch);
  }
  join_images(g, p, scratch + s.images, dx);
}

}  // namespace pycnn::cpu::PYCNN_ISA
