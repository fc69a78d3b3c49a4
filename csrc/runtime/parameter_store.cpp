#include "runtime/parameter_store.h"

#include <algorithm>

#include "ops/cpu/block.h"

namespace pycnn {

ParameterStore::ParameterStore(const Graph& graph, std::uint64_t seed) {
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
  values_ = Arena(static_cast<std::size_t>(checked_mul(std::max<std::int64_t>(flat_size_, 1), 4)));
  std::fill_n(flat(), flat_size_, 0.0f);
  for (std::size_t i = 0; i < offsets_.size(); ++i) {
    const Parameter& p = graph.parameters()[i];
    initialize(flat() + offsets_[i], p.shape, p.initializer, seed, i);
  }
}

}  // namespace pycnn
