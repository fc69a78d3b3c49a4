#pragma once
// Training steps of small networks in three kernels, of the form
//   [convolution, ReLU?, 2x2 max pooling?]*  flatten  [dense, ReLU?]*  softmax cross-entropy.
//
//   images    A block takes a few images through the whole of forward and backward, its activations
//             in shared memory: images meet only where gradients of weights are summed. Of dense
//             layers it leaves inputs and output gradients, of convolutions the block's part of the
//             weights' gradient.
//   gradient  Sums over the batch: x^T dz of every dense layer, the blocks' parts of convolutions.
//   update    The optimizer's rule on all weights, the results of the step, on to the next.
//
// Three, because two sums go over everything: the gradient needs all images, the update has to know
// that no number of the gradient is not finite.

#include <cstdint>

#include "core/portable.h"
#include "ops/adam.h"
#include "ops/conv2d.h"
#include "ops/cuda/step.h"
#include "ops/dense.h"
#include "ops/rmsprop.h"
#include "ops/sgd.h"

namespace pycnn::cuda::small_net {

inline constexpr int kMostConvs = 4, kMostDenses = 4;
inline constexpr int kBlockThreads = 512;  // of a block of `images`
inline constexpr int kMostImages = 4;

// One image's channels in shared memory, one plane after another, with zeros around them. Rows are
// even numbers of floats, so that pairs can be read at once.
struct Planes {
  int at;  // floats from the start of the image's memory
  int channels, rows, pitch;

  PYCNN_HOST_DEVICE int plane() const { return rows * pitch; }
  PYCNN_HOST_DEVICE int size() const { return channels * plane(); }
};

// How a sum over windows is cut into threads: each does 2x2 neighbouring pixels times `channels`
// outputs (4, 6 or 8), over every `slices`-th input channel.
struct Tile {
  int channels, slices;

  // Weights in shared memory: of each tap a row of groups of whole float4's.
  PYCNN_HOST_DEVICE int group() const { return (channels + 3) / 4 * 4; }
  PYCNN_HOST_DEVICE int groups(int outputs) const { return (outputs + channels - 1) / channels; }
  PYCNN_HOST_DEVICE int row(int outputs) const { return groups(outputs) * group(); }
};

struct Conv {
  Conv2dGeometry g;
  bool relu, pool;
  int height, width;  // of what the layer gives: halved by pooling
  const float *kernel, *bias;
  std::int64_t kernel_sum, bias_sum;  // where their gradients lie in a block's part
  Planes x;
  int codes;  // as in ops/conv2d.h, of [height][width][channel]; at, in floats
  int dy;     // gradient of what the layer gives, [height][width][channel]; at
  Tile forward;
  int weights;  // floats from the start of the block's memory
  // The gradient of its input goes by patches (small_net_conv_patches.cuh), or is a convolution of
  // dz, the gradient of its output with zeros around and, for strides, between its pixels.
  bool patches;
  Planes dz;
  Tile backward;
};

struct Dense {
  DenseGeometry g;
  bool relu;
  const float *kernel, *bias;
  float *kernel_gradient, *bias_gradient;
  int x;                      // at; the layer's output is the next one's x
  int resident;               // a copy of the kernel in the block's memory, or -1
  float *saved_x, *saved_dz;  // of the batch, for `gradient`: rows of the following sizes

  // Inputs, and a 1 that makes the bias a row of the kernel.
  PYCNN_HOST_DEVICE int x_row() const { return (g.inputs + 1 + 3) / 4 * 4; }
  PYCNN_HOST_DEVICE int dz_row() const { return (g.outputs + 3) / 4 * 4; }
};

struct Net {
  int conv_count, dense_count;
  Conv convs[kMostConvs];
  Dense denses[kMostDenses];
  Rows images, labels;
  int height, width, channels;  // of an image
  float scale, offset;          // of its pixels
  float loss_scale;             // of the loss's gradient: weight / batch size
  float* losses;
  std::int32_t* ranks;
  Step* step;

  int count;  // images of the batch
  int group;  // images of a block
  // The block's memory: of every image, for all; floats.
  int image_at, image_size;
  int logits;  // at, in the image's memory
  int sums;    // of slices in forward
  // For the gradient of convolutions' inputs, `back_images` at a time, in memory that dense layers
  // had before: their output gradients, in this size; the kernel as it is read; sums.
  int dz_at, back_kernel_at, back_sums_at;
  int back_images, dz_size;
  int shared_floats;
  // Blocks with the same images. Two, where there are SMs for that: both go forward, and share the
  // convolutions' way back.
  int twins;

  float* parts;  // of the blocks: gradients of the convolutions' weights
  std::int64_t part_size;
  float* conv_gradient;  // where the sum of the parts goes

  PYCNN_HOST_DEVICE int blocks() const { return (count + group - 1) / group; }
};

// The most dynamic shared memory that a block of `images` may have, and permission to use it.
std::size_t shared_limit();

void images(const Net& net, Stream stream);
void gradient(const Net& net, Stream stream);
// The rule on u; then as finish_step. `ticket` is 0 before and after.
void update(const SgdOptions& rule, const Update& u, const Results& results, unsigned* ticket,
            Step* step, Stream stream);
void update(const AdamOptions& rule, const Update& u, const Results& results, unsigned* ticket,
            Step* step, Stream stream);
void update(const RmspropOptions& rule, const Update& u, const Results& results, unsigned* ticket,
            Step* step, Stream stream);

}  // namespace pycnn::cuda::small_net
