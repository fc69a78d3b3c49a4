// The planner's memory: sizes of buffers and their places in the arena.

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/arena.h"
#include "core/error.h"
#include "graph/plan.h"

namespace pycnn {

BlockShape block_shape(const Shape& shape) {
  const std::size_t rank = shape.size();
  std::int64_t height = 1;
  for (std::size_t i = 0; i + 2 < rank; ++i) height = checked_mul(height, shape[i]);
  return {static_cast<int>(height), static_cast<int>(rank > 1 ? shape[rank - 2] : 1),
          static_cast<int>(rank > 0 ? shape[rank - 1] : 1)};
}

int Buffer::vectors() const {
  return lanes == Lanes::images ? channels : (channels - 1) / cpu::kLanes + 1;
}

std::int64_t Buffer::pixel() const {
  return filled_up ? checked_mul(vectors(), cpu::kLanes) : channels;
}

std::int64_t Buffer::row() const {
  return checked_mul(std::int64_t{width} + halo.left + halo.right, pixel());
}

std::size_t Buffer::bytes() const {
  const std::int64_t rows = std::int64_t{height} + halo.top + halo.bottom;
  const std::int64_t bytes = checked_mul(checked_mul(rows, row()), element_size);
  return static_cast<std::size_t>(checked_add(bytes, kAlignment - 1)) / kAlignment * kAlignment;
}

std::int64_t Buffer::interior() const { return halo.top * row() + halo.left * pixel(); }

std::size_t assign_offsets(std::vector<Buffer>& buffers) {
  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return buffers[a].bytes() > buffers[b].bytes();
  });
  std::vector<std::size_t> placed;  // kept sorted by offset
  std::size_t total = 0;
  for (std::size_t id : order) {
    Buffer& buffer = buffers[id];
    if (buffer.alias_of >= 0 || buffer.kept) continue;
    const std::size_t bytes = buffer.bytes();
    std::size_t offset = 0;
    for (std::size_t other_id : placed) {
      const Buffer& other = buffers[other_id];
      const bool together =
          buffer.first_use <= other.last_use && other.first_use <= buffer.last_use;
      if (!together) continue;
      if (offset + bytes <= other.offset) break;
      offset = std::max(offset, other.offset + other.bytes());
    }
    buffer.offset = offset;
    if (offset > std::numeric_limits<std::size_t>::max() / 2 - bytes) {
      throw OverflowError("[plan] the arena would exceed the address space");
    }
    total = std::max(total, offset + bytes);
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), offset,
                         [&](std::size_t at, std::size_t i) { return at < buffers[i].offset; }),
        id);
  }
  for (Buffer& buffer : buffers) {
    // An alias is never aliased itself: the planner resolves it to the root.
    if (buffer.alias_of >= 0) {
      buffer.offset = buffers[static_cast<std::size_t>(buffer.alias_of)].offset;
    }
  }
  return total;
}

std::size_t assign_kept_offsets(std::vector<Buffer>& buffers) {
  std::size_t total = 0;
  for (Buffer& buffer : buffers) {
    if (!buffer.kept) continue;
    buffer.offset = total;
    total += buffer.bytes();
  }
  return total;
}

}  // namespace pycnn
