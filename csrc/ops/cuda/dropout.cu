#include "ops/cuda/philox.cuh"
#include "ops/dropout.h"

namespace pycnn::cuda {
namespace {

// A thread for each four elements of an image, which share the words of one philox().
__global__ void forward_kernel(std::int64_t threads, std::uint32_t elements,
                               std::uint64_t first_stream, const Step* step,
                               std::uint32_t threshold, float scale, const float* x, float* y,
                               std::uint8_t* mask) {
  const std::int64_t index = global_index();
  if (index >= threads) return;
  const std::uint32_t groups = (elements + 3) / 4;
  const std::uint32_t image = static_cast<std::uint32_t>(index) / groups;
  const std::uint32_t e = (static_cast<std::uint32_t>(index) - image * groups) * 4;
  const std::uint32_t count = elements - e < 4 ? elements - e : 4, at = image * elements + e;
  const PhiloxWords words =
      philox(step->seed, first_stream + step->number, static_cast<std::uint64_t>(index));
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool kept = words.word[i] >= threshold;
    mask[at + i] = kept ? 1 : 0;
    // Chosen, not multiplied by 0: an infinity that is dropped is gone.
    y[at + i] = kept ? x[at + i] * scale : 0.0f;
  }
}

__global__ void backward_kernel(std::int64_t size, float scale, const float* dy,
                                const std::uint8_t* mask, float* dx) {
  const std::int64_t i = global_index();
  if (i < size) dx[i] = mask[i] != 0 ? dy[i] * scale : 0.0f;
}

}  // namespace

void dropout_forward(const DropoutOptions& options, int node, const Step* step, ConstView x, View y,
                     std::uint8_t* mask, Stream stream) {
  const std::int64_t elements = x.size() / x.batch, threads = x.batch * ((elements + 3) / 4);
  run_each(threads, forward_kernel, stream, threads, elements, dropout_stream(node, 0), step,
           dropout_threshold(options), dropout_scale(options), x.data, y.data, mask);
}

void dropout_backward(const DropoutOptions& options, ConstView dy, const std::uint8_t* mask,
                      View dx, Stream stream) {
  run_each(dx.size(), backward_kernel, stream, dx.size(), dropout_scale(options), dy.data, mask,
           dx.data);
}

}  // namespace pycnn::cuda
