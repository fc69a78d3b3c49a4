#include "runtime/eager.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

#include "core/arena.h"
#include "core/error.h"
#include "core/thread_pool.h"
#include "ops/cpu/kernels.h"

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

LossResult compute_loss(LossKind kind, const Tensor& predictions, const Tensor& given_targets) {
  const Tensor targets =
      given_targets.dtype() == DType::int64 ? given_targets.clone() : given_targets;
  check_loss_operands(predictions, targets);
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

SgdResult sgd_update(const Tensor& parameter, const Tensor& gradient, const Tensor& velocity,
                     float learning_rate, const SgdOptions& options) {
  check_sgd(options);
  if (gradient.shape() != parameter.shape() || velocity.shape() != parameter.shape()) {
    throw ValueError("[SGD] parameter, gradient and velocity must have one shape; got " +
                     to_string(parameter.shape()) + ", " + to_string(gradient.shape()) + " and " +
                     to_string(velocity.shape()));
  }
  // The kernel wants whole vectors: work on copies that are padded with zeros.
  const std::int64_t count = (parameter.size() + kLanes - 1) / kLanes * kLanes;
  Tensor w({count}), g({count}), v({count});
  std::copy_n(parameter.data<float>(), parameter.size(), w.data<float>());
  std::copy_n(gradient.data<float>(), gradient.size(), g.data<float>());
  std::copy_n(velocity.data<float>(), velocity.size(), v.data<float>());
  cpu::kernels().sgd->update(options, learning_rate, g.data<float>(), 1, count, count,
                             w.data<float>(), v.data<float>());
  SgdResult result{Tensor(parameter.shape()), Tensor(parameter.shape())};
  std::copy_n(w.data<float>(), parameter.size(), result.parameter.data<float>());
  std::copy_n(v.data<float>(), parameter.size(), result.velocity.data<float>());
  return result;
}

double measure_peak(double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr std::int64_t kRounds = 200'000;
  std::atomic<std::int64_t> operations{0};
  const auto start = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  parallel_run([&](Team&) {
    float sink = 0.999f;
    while (elapsed() < seconds) {
      operations += cpu::kernels().peak->multiply_adds(kRounds, &sink);
      sink = 0.999f;  // the result is of no use; big numbers would change nothing but look odd
    }
  });
  return static_cast<double>(operations.load()) / elapsed();
}

}  // namespace pycnn
