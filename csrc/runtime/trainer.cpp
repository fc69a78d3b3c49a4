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
  // Copies, so that nobody can change checked labels; images are only read as numbers.
  for (const Tensor& t : y) y_.push_back(t.dtype() == DType::int64 ? t.clone() : t);
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

void Trainer::step(float learning_rate) {
  Batch batch;
  for (const Tensor& t : x_) batch.inputs.push_back(&t);
  for (const Tensor& t : y_) batch.targets.push_back(&t);
  batch.first = progress_.step * batch_size_;
  batch.count = std::min(batch_size_, count() - batch.first);
  if (shuffle_) batch.indices = order_.data() + batch.first;
  Totals totals;
  try {
    totals = network_.train_step(std::move(batch), learning_rate);
  } catch (const FloatingPointError& e) {
    throw FloatingPointError("step " + std::to_string(progress_.step + 1) + " of " +
                             std::to_string(steps_per_epoch()) + ": " + e.what());
  }
  progress_.add(totals);
  ++progress_.step;
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
  network_.check_data(x_, y_);
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (std::int64_t i = 0; i < steps && !progress_.done; ++i) {
    step(learning_rates[i]);
    if (std::chrono::duration<double>(Clock::now() - start).count() >= max_seconds) break;
  }
  return progress_;
}

Progress Trainer::progress() const {
  const Lease lease(busy_, "trainer");
  return progress_;
}

}  // namespace pycnn
