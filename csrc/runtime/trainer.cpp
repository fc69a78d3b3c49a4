#include "runtime/trainer.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/lease.h"
#include "core/philox.h"

namespace pycnn {
Trainer::Trainer(Network& network, Tensors x, const Tensors& y, std::int64_t batch_size,
                 bool shuffle)
    : network_(network), x_(std::move(x)), batch_size_(batch_size), shuffle_(shuffle) {
  if (batch_size < 1) {
    throw ValueError("batch_size must be at least 1; got " + std::to_string(batch_size));
  }
  for (const Tensor& t : y) y_.push_back(own_labels(t));
  const Lease network_lease = network_.exclusive();
  network_.check_data(x_, y_);
  batch_size_ = std::min(batch_size_, count());  // sums with it can no longer overflow
}

void Trainer::start_epoch() {
  const Lease lease(busy_, "trainer");
  const Lease network_lease = network_.exclusive();
  if (shuffle_) {
    order_ = random_permutation(count(), network_.seed(), kShuffleStreams + network_.epochs());
  }
  progress_ = Progress();
  started_ = true;
}

void Trainer::advance(const float* learning_rates, std::int64_t steps) {
  Batch images;
  for (const Tensor& t : x_) images.inputs.push_back(&t);
  for (const Tensor& t : y_) images.targets.push_back(&t);
  images.first = progress_.step * batch_size_;
  images.count = std::min(steps * batch_size_, count() - images.first);
  if (shuffle_) images.indices = order_.data() + images.first;
  try {
    progress_.step +=
        network_.train_steps(std::move(images), batch_size_, learning_rates, steps, progress_);
  } catch (const FloatingPointError& e) {
    throw FloatingPointError("step " + std::to_string(progress_.step + 1) + " of " +
                             std::to_string(steps_per_epoch()) + ": " + e.what());
  }
  progress_.done = progress_.step == steps_per_epoch();
  if (progress_.done) network_.count_epoch();  // one that fails is begun anew, in the same order
}

Progress Trainer::run(const float* learning_rates, std::int64_t steps, double max_seconds) {
  const Lease lease(busy_, "trainer");
  if (!started_) throw ValueError("[Trainer] call start_epoch before run");
  // Those that will be used: the epoch may end before.
  const std::int64_t wanted =
      std::clamp<std::int64_t>(steps, 0, steps_per_epoch() - progress_.step);
  std::for_each(learning_rates, learning_rates + wanted, check_learning_rate);
  // For the whole run: nobody can compile the network between the check and the steps.
  const Lease network_lease = network_.exclusive();
  // It may have moved to the CPU since the last run.
  x_ = network_.readable(x_);
  y_ = network_.readable(y_);
  network_.check_data(x_, y_);
  for (const Tensors* data : {&x_, &y_}) {
    for (const Tensor& t : *data) held_.push_back(network_.backend().hold(t));
  }
  held_.erase(held_.begin(), held_.end() - static_cast<std::ptrdiff_t>(x_.size() + y_.size()));
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const std::int64_t first = progress_.step, end = first + wanted;
  while (progress_.step < end) {
    advance(learning_rates + (progress_.step - first), end - progress_.step);
    if (std::chrono::duration<double>(Clock::now() - start).count() >= max_seconds) break;
  }
  return progress_;
}

Progress Trainer::progress() const {
  const Lease lease(busy_, "trainer");
  return progress_;
}

}  // namespace pycnn
