#pragma once
// All weights of a network in one flat buffer, each at a multiple of 16 floats.

#include <cstdint>
#include <vector>

#include "core/arena.h"
#include "graph/graph.h"

namespace pycnn {

class ParameterLayout {
 public:
  explicit ParameterLayout(const Graph& graph);

  std::int64_t offset(ParameterId id) const { return offsets_[static_cast<std::size_t>(id)]; }
  std::int64_t flat_size() const { return flat_size_; }  // a multiple of 16
  // What the optimizer updates lies in front; a multiple of 16.
  std::int64_t trainable_size() const { return trainable_size_; }

 private:
  std::vector<std::int64_t> offsets_;
  std::int64_t flat_size_ = 0, trainable_size_ = 0;
};

class ParameterStore : public ParameterLayout {
 public:
  // Initial weights: parameter p of the graph is drawn from (seed, stream p).
  ParameterStore(const Graph& graph, std::uint64_t seed);

  float* flat() { return reinterpret_cast<float*>(values_.data()); }
  const float* flat() const { return reinterpret_cast<const float*>(values_.data()); }
  float* at(ParameterId id) { return flat() + offset(id); }
  const float* at(ParameterId id) const { return flat() + offset(id); }

 private:
  Arena values_;
};

}  // namespace pycnn
