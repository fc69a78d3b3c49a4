#include "runtime/cuda/optimizer_cuda.h"

#include <algorithm>

#include "core/overloaded.h"
#include "cuda/error.h"
#include "ops/cuda/small_net.h"

namespace pycnn::cuda {
namespace {

// Floats in a piece: a few for each thread of a block.
constexpr std::int64_t kPiece = 4096;

template <typename T>
DeviceMemory uploaded(const std::vector<T>& values) {
  DeviceMemory memory(values.size() * sizeof(T));
  upload(memory.as<void>(), values.data(), values.size() * sizeof(T), "preparing the optimizer");
  return memory;
}

}  // namespace

CudaOptimizer::CudaOptimizer(const OptimizerOptions& options, const Graph& graph,
                             const DeviceWeights& weights)
    : options_(options), weights_(weights) {
  check_optimizer(options);
  std::vector<Piece> pieces;
  std::vector<int> groups;
  int group = -1;
  for (std::size_t i = 0; i < graph.parameters().size(); ++i) {
    const Parameter& p = graph.parameters()[i];
    if (!p.trainable) continue;
    penalized_ |= p.penalty.l1 != 0.0f || p.penalty.l2 != 0.0f;
    // With a norm of all gradients there is one group, of everything.
    if (options.clipping.global_norm == 0.0f || groups.empty()) {
      groups.push_back(static_cast<int>(pieces.size()));
      ++group;
    }
    const std::int64_t begin = weights.offset(static_cast<ParameterId>(i));
    const std::int64_t end = begin + element_count(p.shape);
    for (std::int64_t at = begin; at < end; at += kPiece) {
      pieces.push_back({at, static_cast<int>(std::min(kPiece, end - at)), group, p.penalty});
    }
  }
  groups.push_back(static_cast<int>(pieces.size()));
  piece_count_ = pieces.size();
  pieces_ = uploaded(pieces);
  groups_ = uploaded(groups);
  penalties_ = DeviceMemory(piece_count_ * sizeof(double));
  squares_ = DeviceMemory(piece_count_ * sizeof(double));
  const std::int64_t size =
      checked_mul(weights.trainable_size(), std::int64_t{state_arrays(options.rule)});
  state_ = DeviceMemory(static_cast<std::size_t>(size) * sizeof(float));
  clear(state_.as<void>(), static_cast<std::size_t>(size) * sizeof(float),
        "clearing the optimizer's memory");
  ticket_ = uploaded(std::vector<unsigned>{0});
}

void CudaOptimizer::enqueue_penalties(Step* step, const WorkStream& stream) const {
  if (!penalized_) return;
  cuda::penalties(pieces_.as<Piece>(), piece_count(), weights_.flat(), penalties_.as<double>(),
                  step, stream.get());
}

void CudaOptimizer::enqueue(Step* step, const WorkStream& stream) const {
  const Clipping& c = options_.clipping;
  const float norm = c.norm > 0.0f ? c.norm : c.global_norm;
  float* gradient = weights_.flat_gradient();
  collect_gradient(pieces_.as<Piece>(), piece_count(), weights_.flat(), gradient,
                   norm > 0.0f ? squares_.as<double>() : nullptr, step, stream.get());
  if (norm > 0.0f || c.value > 0.0f) {
    clip_gradient(pieces_.as<Piece>(), piece_count(), groups_.as<int>(), squares_.as<double>(),
                  norm, c.value, gradient, stream.get());
  }
  const Update u = update(step);
  std::visit(Overloaded{[&](const SgdOptions& o) { sgd_update(o, u, stream.get()); },
                        [&](const AdamOptions& o) { adam_update(o, u, stream.get()); },
                        [&](const RmspropOptions& o) { rmsprop_update(o, u, stream.get()); }},
             options_.rule);
  keep_if_finite(step, weights_.moving_size(), weights_.flat_moved(), weights_.moving(),
                 stream.get());
}

bool CudaOptimizer::only_updates() const {
  const Clipping& c = options_.clipping;
  return !penalized_ && c.norm == 0.0f && c.global_norm == 0.0f && c.value == 0.0f &&
         weights_.moving_size() == 0;
}

void CudaOptimizer::enqueue_last(const Results& results, Step* step,
                                 const WorkStream& stream) const {
  std::visit(
      [&](const auto& rule) {
        small_net::update(rule, update(step), results, ticket_.as<unsigned>(), step, stream.get());
      },
      options_.rule);
}

Update CudaOptimizer::update(const Step* step) const {
  return {step,
          weights_.trainable_size(),
          weights_.flat(),
          weights_.flat_gradient(),
          state_arrays(options_.rule) > 0 ? state_.as<float>() : nullptr,
          weights_.trainable_size()};
}

std::vector<float> CudaOptimizer::corrected_rates(const float* rates, std::int64_t steps) const {
  std::vector<float> corrected;
  const auto* adam = std::get_if<AdamOptions>(&options_.rule);
  if (adam == nullptr) return corrected;
  for (std::int64_t k = 0; k < steps; ++k) {
    corrected.push_back(adam_rate(*adam, rates[k], steps_ + k + 1));
  }
  return corrected;
}

std::vector<float> CudaOptimizer::state() const {
  if (steps_ == 0) return {};
  const auto size = static_cast<std::size_t>(weights_.trainable_size()) *
                    static_cast<std::size_t>(state_arrays(options_.rule));
  std::vector<float> state(size);
  download(state.data(), state_.as<void>(), size * sizeof(float), "copying the optimizer's memory");
  return state;
}

void CudaOptimizer::restore(const std::vector<float>& state, std::int64_t steps) {
  upload(state_.as<void>(), state.data(), state.size() * sizeof(float),
         "copying the optimizer's memory");
  steps_ = steps;
}

}  // namespace pycnn::cuda
