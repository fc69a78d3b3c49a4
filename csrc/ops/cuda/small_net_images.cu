// Forward and backward of a few images in each block. LeNet-5, counted for one image in a block of
// an H200 (1.85 GHz), in cycles: first loads 2500, convolutions forward 1600 and 3000, dense layers
// 2200 each way, of 192 KB that were copied into shared memory meanwhile, loss 300, the second
// convolution back 1900 (weights, the twin's) and 3900 (input), the first 1500, 25 barriers 1000:
// 18,000 or 10 us, where arithmetic alone would take 6,000. Shared memory binds, then what waits
// for it. With four images in a block 50,000, 27 us.

#include "cuda/device_guard.h"
#include "ops/cuda/small_net_conv_backward.cuh"
#include "ops/cuda/small_net_conv_forward.cuh"
#include "ops/cuda/small_net_dense.cuh"
#include "ops/cuda/small_net_loss.cuh"

namespace pycnn::cuda::small_net {
namespace {

// The pixels of the block's images, as the first layer reads them.
template <typename T>
__device__ void gather(const Block& b) {
  const Net& net = b.net;
  const Target to = target(net, 0, net.width, net.channels);
  const int row = net.width * net.channels, size = net.height * row;
  const T* data = static_cast<const T*>(*net.images.data);
  share(b.images * size, [&](int i) {
    const int image = i / size, at = i % size;
    const float value =
        static_cast<float>(data[row_of(*net.step, b.first + image) * size + at]) * net.scale +
        net.offset;
    b.image(image)[to.at + at / row * to.row + at % row / net.channels * to.column +
                   at % net.channels * to.channel] = value;
  });
}

template <int N>
__device__ void dense_chain(const Block& b) {
  dense_chain_forward<N>(b);
  loss(b);
  dense_chain_backward<N>(b);
}

__global__ void __launch_bounds__(kBlockThreads) images_kernel(const __grid_constant__ Net net) {
  PYCNN_DYNAMIC_SHARED(float, shared);
  let_successor_start();
  const int first = blockIdx.x * net.group;
  const Block b{net, shared, first, min(net.group, net.count - first),
                static_cast<int>(blockIdx.y)};
  share(net.group * net.image_size, [&](int i) { shared[net.image_at + i] = 0.0f; });
  wait_for_predecessor();  // it writes the weights, and which images are next
  for (int i = 0; i < net.dense_count; ++i) begin_copy(b, net.denses[i]);
  for (int i = 0; i < net.conv_count; ++i) load_conv_weights(b, net.convs[i]);
  __syncthreads();
  net.images.dtype == DType::uint8 ? gather<std::uint8_t>(b) : gather<float>(b);
  __syncthreads();
  for (int i = 0; i < net.conv_count; ++i) conv_forward(b, i);
  finish_copies();
  __syncthreads();
  net.group == 1 ? dense_chain<1>(b) : net.group == 2 ? dense_chain<2>(b) : dense_chain<4>(b);
  conv_chain_backward(b);
}

}  // namespace

std::size_t shared_limit() {
  int bytes = 0;
  check(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, kDevice),
        "asking for the device's shared memory");
  check(cudaFuncSetAttribute(images_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
        "asking for shared memory");
  return static_cast<std::size_t>(bytes);
}

void images(const Net& net, Stream stream) {
  const Grid grid{dim3(static_cast<unsigned>(net.blocks()), static_cast<unsigned>(net.twins)),
                  dim3(kBlockThreads), static_cast<std::size_t>(net.shared_floats) * sizeof(float),
                  true};
  run(images_kernel, grid, stream, net);
}

}  // namespace pycnn::cuda::small_net
