#pragma once
// Reductions by channel over many positions (of an image, or of a part of the batch). Channels lie
// next to each other in memory, so a block takes up to 32 of them, one for each threadIdx.x, and
// its rows (threadIdx.y) take the positions in turns. Bytes bound them all: each value is read
// once.

#include "ops/cuda/group_reduce.cuh"

namespace pycnn::cuda {

struct ChannelTile {
  int lanes, rows;
  int groups;  // of channels, a block each

  ChannelTile(int channels, std::int64_t positions, int threads)
      : lanes(power_of_two(channels, kWarp)),
        rows(power_of_two(positions, threads / lanes)),
        groups((channels + lanes - 1) / lanes) {}

  // A block for each group of channels of each part.
  Grid grid(std::int64_t parts) const {
    return {dim3(static_cast<unsigned>(parts * groups)),
            dim3(static_cast<unsigned>(lanes), static_cast<unsigned>(rows))};
  }
};

// What a thread of the tile works on.
struct ChannelOfPart {
  std::uint32_t part, channel;  // the last group may have fewer channels than lanes
};

__device__ __forceinline__ ChannelOfPart channel_of_part(std::uint32_t groups) {
  const std::uint32_t part = blockIdx.x / groups, group = blockIdx.x % groups;
  return {part, group * blockDim.x + threadIdx.x};
}

// combine() over the rows of a channel. shared: as many values as the block has threads.
template <typename T, typename F>
__device__ T reduce_rows(T* shared, T value, F combine) {
  return reduce(shared + threadIdx.x, static_cast<int>(blockDim.x), static_cast<int>(threadIdx.y),
                static_cast<int>(blockDim.y), value, combine);
}

// The sum of term(i) over the positions i from begin to end that are this thread's; in runs of 64,
// which rounds less than one long sum.
template <typename T, typename F>
__device__ T sum_share(std::uint32_t begin, std::uint32_t end, F term) {
  const std::uint32_t rows = blockDim.y, run = 64 * rows;
  T total{};
  for (std::uint32_t first = begin + threadIdx.y; first < end; first += run) {
    const std::uint32_t last = first + run < end ? first + run : end;
    T sum{};
    for (std::uint32_t i = first; i < last; i += rows) sum = sum + term(i);
    total = total + sum;
  }
  return total;
}

}  // namespace pycnn::cuda
