#pragma once
// Trainer: epochs over a data set in memory. Shuffle, gather, step, count; in portions, so that
// the caller can show progress in between.

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/network.h"

namespace pycnn {

struct Progress : Totals {  // since the start of the epoch
  std::int64_t step = 0;
  bool done = false;
};

class Trainer {
 public:
  // Holds x and y, copies neither but integer labels (and, for a network on the CPU, what is on the
  // GPU). The network must outlive the trainer.
  // Throws like Network::check_data, and ValueError for a batch size below 1.
  Trainer(Network& network, Tensors x, const Tensors& y, std::int64_t batch_size, bool shuffle);
  // For a network with one input and one output.
  Trainer(Network& network, const Tensor& x, const Tensor& y, std::int64_t batch_size, bool shuffle)
      : Trainer(network, Tensors{x}, Tensors{y}, batch_size, shuffle) {}

  std::int64_t steps_per_epoch() const { return (count() + batch_size_ - 1) / batch_size_; }
  // A new order from the network's seed and its count of epochs.
  void start_epoch();
  // Up to `steps` further steps, one learning rate each; fewer when the epoch ends or max_seconds
  // have passed. Call start_epoch first (ValueError).
  Progress run(const float* learning_rates, std::int64_t steps, double max_seconds);
  // So far; counts the whole steps of a run that an exception ended, too.
  Progress progress() const;

 private:
  std::int64_t count() const { return x_[0].shape()[0]; }
  // At least one of the steps, at most all.
  void advance(const float* learning_rates, std::int64_t steps);

  Network& network_;
  Tensors x_, y_;
  std::int64_t batch_size_;
  bool shuffle_;
  bool started_ = false;
  std::vector<std::int64_t> order_;
  std::vector<std::shared_ptr<void>> held_;  // the data on the network's device
  Progress progress_;
  mutable std::atomic<bool> busy_{false};
};

}  // namespace pycnn
