#include "runtime/parameter_store.h"

#include <algorithm>
#include <atomic>

#include "core/thread_pool.h"
#include "ops/cpu/block.h"
#include "runtime/interrupt.h"

namespace pycnn {
namespace {

// Numbers that a thread draws between two looks at Ctrl-C.
constexpr std::int64_t kDraws = 1 << 16;

// Every number is drawn by itself: who draws it makes no difference.
void draw(const Parameter& p, std::uint64_t seed, std::uint64_t stream, float* values) {
  const std::int64_t count = element_count(p.shape);
  std::atomic<bool> stop{false};
  const auto draw_share = [&](std::int64_t index, std::int64_t threads) {
    for (std::int64_t at = index * kDraws; at < count && !stop; at += threads * kDraws) {
      initialize(values, p.shape, p.initializer, seed, stream, at, std::min(at + kDraws, count));
      if (index != 0) continue;
      try {
        check_interrupt();
      } catch (...) {
        stop = true;
        throw;
      }
    }
  };
  if (count <= kDraws || inside_parallel_run()) {
    draw_share(0, 1);
  } else {
    parallel_run([&](Team& team) { draw_share(team.index(), team.size()); });
  }
}

}  // namespace

ParameterLayout::ParameterLayout(const Graph& graph) {
  offsets_.resize(graph.parameters().size());
  const auto place = [&](bool trainable) {
    for (std::size_t i = 0; i < offsets_.size(); ++i) {
      const Parameter& p = graph.parameters()[i];
      if (p.trainable != trainable) continue;
      offsets_[i] = flat_size_;
      const std::int64_t vectors = (element_count(p.shape) + cpu::kLanes - 1) / cpu::kLanes;
      flat_size_ = checked_add(flat_size_, checked_mul(vectors, cpu::kLanes));
    }
  };
  place(true);
  trainable_size_ = flat_size_;
  place(false);
}

ParameterStore::ParameterStore(const Graph& graph, std::uint64_t seed) : ParameterLayout(graph) {
  // Kernels may read to the end of a vector behind the last weight.
  const std::int64_t size = checked_add(flat_size(), cpu::kLanes);
  values_ = Arena(static_cast<std::size_t>(checked_mul(size, 4)));
  std::fill_n(flat(), size, 0.0f);
  for (std::size_t i = 0; i < graph.parameters().size(); ++i) {
    draw(graph.parameters()[i], seed, i, at(static_cast<ParameterId>(i)));
  }
}

}  // namespace pycnn
