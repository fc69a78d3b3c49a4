#include "runtime/eager.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

#include "core/arena.h"
#include "core/error.h"
#include "core/thread_pool.h"
#include "ops/cpu/kernels.h"
#include "runtime/batch.h"
#include "runtime/interrupt.h"
#include "runtime/optimizer.h"

namespace pycnn {
namespace {

using cpu::kLanes;

// One block of `classes` values per image.
class BlockArray {
 public:
  explicit BlockArray(int classes)
      : classes_(classes), memory_(static_cast<std::size_t>(classes) * kLanes * sizeof(float)) {}
  float* data() { return reinterpret_cast<float*>(memory_.data()); }
  cpu::View view() { return {data(), std::int64_t{classes_} * kLanes, 1, 1, classes_}; }
  void load(const float* images, int count) {
    const float* rows[kLanes];
    for (int l = 0; l < count; ++l) rows[l] = images + std::int64_t{l} * classes_;
    cpu::kernels().gather->from_float(rows, count, 1.0f, 0.0f, view());
  }
  void save(float* images, int count) {
    float* rows[kLanes];
    for (int l = 0; l < count; ++l) rows[l] = images + std::int64_t{l} * classes_;
    cpu::kernels().gather->to_float(cpu::as_const(view()), count, rows);
  }

 private:
  int classes_;
  Arena memory_;
};

void check_loss_operands(const Tensor& predictions, const Tensor& targets) {
  if (predictions.rank() != 2 || predictions.size() == 0 || predictions.dtype() != DType::float32 ||
      predictions.shape()[1] > (1 << 24)) {
    throw ValueError(
        "[loss] expected float32 predictions of shape (batch, classes), not empty; got " +
        std::string(dtype_name(predictions.dtype())) + " of shape " +
        to_string(predictions.shape()));
  }
  const std::int64_t batch = predictions.shape()[0], classes = predictions.shape()[1];
  if (targets.dtype() == DType::float32 && targets.shape() == predictions.shape()) return;
  if (targets.dtype() != DType::int64 || targets.shape() != Shape{batch}) {
    throw ValueError("[loss] expected labels (int64) of shape (" + std::to_string(batch) +
                     ",) or targets (float32) of shape " + to_string(predictions.shape()) +
                     "; got " + std::string(dtype_name(targets.dtype())) + " of shape " +
                     to_string(targets.shape()));
  }
  const auto* labels = targets.data<std::int64_t>();
  for (std::int64_t i = 0; i < batch; ++i) {
    if (labels[i] < 0 || labels[i] >= classes) {
      throw ValueError("[loss] label " + std::to_string(labels[i]) + " at index " +
                       std::to_string(i) + " is outside 0.." + std::to_string(classes - 1));
    }
  }
}

cpu::LossKernels::Function loss_function(LossKind kind) {
  const cpu::LossKernels& k = *cpu::kernels().loss;
  switch (kind) {
    case LossKind::softmax_cross_entropy:
      return k.softmax_cross_entropy;
    case LossKind::cross_entropy:
      return k.cross_entropy;
    case LossKind::mean_squared_error:
      break;
  }
  return k.mean_squared_error;
}

}  // namespace

LossResult compute_loss(LossKind kind, const Tensor& given_predictions, const Tensor& given_targets,
                        Device device) {
  const Tensor predictions = given_predictions.to(Device::cpu);
  const Tensor targets = own_labels(given_targets).to(Device::cpu);
  check_loss_operands(predictions, targets);
  if (device == Device::cuda) return cuda::compute_loss(kind, predictions, targets);
  const std::int64_t batch = predictions.shape()[0];
  const int classes = static_cast<int>(predictions.shape()[1]);
  LossResult result{0.0, Tensor(predictions.shape())};
  BlockArray z(classes), rows(classes), dz(classes);
  for (std::int64_t first = 0; first < batch; first += kLanes) {
    const int count = static_cast<int>(std::min<std::int64_t>(kLanes, batch - first));
    z.load(predictions.data<float>() + first * classes, count);
    std::int64_t labels[kLanes] = {};
    cpu::Targets t{nullptr, nullptr};
    if (targets.dtype() == DType::int64) {
      std::copy_n(targets.data<std::int64_t>() + first, count, labels);
      t.labels = labels;
    } else {
      rows.load(targets.data<float>() + first * classes, count);
      t.rows = rows.data();
    }
    float loss[kLanes];
    std::int32_t rank[kLanes];
    loss_function(kind)(classes, z.data(), t, count, 1.0f / static_cast<float>(batch), loss, rank,
                        dz.data());
    dz.save(result.gradient.data<float>() + first * classes, count);
    for (int l = 0; l < count; ++l) result.loss += double(loss[l]);
  }
  result.loss /= static_cast<double>(batch);
  return result;
}

namespace {

// Copies padded with zeros to whole vectors, which the kernels want; `arrays` of them.
Tensor padded(const Tensor& t, std::int64_t arrays, std::int64_t size, std::int64_t stride) {
  Tensor copy({arrays, stride});
  std::fill_n(copy.data<float>(), arrays * stride, 0.0f);
  for (std::int64_t a = 0; a < arrays; ++a) {
    std::copy_n(t.data<float>() + a * size, size, copy.data<float>() + a * stride);
  }
  return copy;
}

void check_operands(const UpdateRule& rule, const Tensor& parameter, const Tensor& gradient,
                    const Tensor& state) {
  for (const Tensor* t : {&parameter, &gradient, &state}) {
    if (t->dtype() == DType::float32) continue;
    throw TypeError("[optimizer] parameter, gradient and state must be float32; got " +
                    std::string(dtype_name(t->dtype())));
  }
  Shape one = state.shape();
  const std::int64_t arrays = one.empty() ? 0 : one[0];
  if (!one.empty()) one.erase(one.begin());
  if (gradient.shape() != parameter.shape() || one != parameter.shape()) {
    throw ValueError("[optimizer] parameter, gradient and state must have one shape; got " +
                     to_string(parameter.shape()) + ", " + to_string(gradient.shape()) + " and " +
                     to_string(one));
  }
  // SGD without momentum takes a velocity as well, to show it.
  const int wanted = std::max(state_arrays(rule), 1);
  if (arrays != wanted) {
    throw ValueError("[optimizer] expected a state of " + std::to_string(wanted) + " arrays; got " +
                     std::to_string(arrays));
  }
}

}  // namespace

UpdateResult update_parameter(const UpdateRule& rule, const Tensor& given_parameter,
                              const Tensor& given_gradient, const Tensor& given_state,
                              float learning_rate, std::int64_t step, Device device) {
  const Tensor parameter = given_parameter.to(Device::cpu);
  const Tensor gradient = given_gradient.to(Device::cpu), state = given_state.to(Device::cpu);
  check_optimizer({rule});
  check_learning_rate(learning_rate);
  check_operands(rule, parameter, gradient, state);
  if (step < 1) throw ValueError("[optimizer] steps count from 1; got " + std::to_string(step));
  if (device == Device::cuda) {
    return cuda::update_parameter(rule, parameter, gradient, state, learning_rate, step);
  }
  const std::int64_t size = parameter.size(), arrays = state.shape()[0];
  const std::int64_t stride = (size + kLanes - 1) / kLanes * kLanes;
  Tensor w = padded(parameter, 1, size, stride);
  Tensor s = padded(state, arrays, size, stride);
  const Tensor g = padded(gradient, 1, size, stride);
  apply_rule(rule, learning_rate, step,
             {stride, w.data<float>(), {g.data<float>(), 1, stride}, s.data<float>(), stride});
  UpdateResult result{Tensor(parameter.shape()), Tensor(state.shape())};
  std::copy_n(w.data<float>(), size, result.parameter.data<float>());
  for (std::int64_t a = 0; a < arrays; ++a) {
    std::copy_n(s.data<float>() + a * stride, size, result.state.data<float>() + a * size);
  }
  return result;
}

double measure_peak(double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr std::int64_t kRounds = 200'000;
  std::atomic<std::int64_t> operations{0};
  const auto start = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  std::atomic<bool> stop{false};
  parallel_run([&](Team& team) {
    float sink = 0.999f;
    while (elapsed() < seconds && !stop) {
      if (team.index() == 0) {
        try {
          check_interrupt();
        } catch (...) {
          stop = true;
          throw;
        }
      }
      operations += cpu::kernels().peak->multiply_adds(kRounds, &sink);
      sink = 0.999f;  // the result is of no use; big numbers would change nothing but look odd
    }
  });
  return static_cast<double>(operations.load()) / elapsed();
}

}  // namespace pycnn
