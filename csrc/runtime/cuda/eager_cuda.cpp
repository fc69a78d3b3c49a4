#include <algorithm>
#include <vector>

#include "core/overloaded.h"
#include "cuda/device.h"
#include "cuda/device_guard.h"
#include "cuda/error.h"
#include "cuda/memory.h"
#include "cuda/stream.h"
#include "ops/gradient.h"
#include "runtime/eager.h"

namespace pycnn::cuda {
namespace {

DeviceMemory uploaded(const void* data, std::size_t bytes) {
  DeviceMemory memory(bytes);
  upload(memory.as<void>(), data, bytes, "copying an array");
  return memory;
}

void download(const DeviceMemory& memory, Tensor& to) {
  cuda::download(to.raw_data(), memory.as<void>(), to.nbytes(), "copying a result");
}

}  // namespace

LossResult compute_loss(LossKind kind, const Tensor& predictions, const Tensor& targets) {
  const DeviceGuard guard;
  require();
  const auto batch = static_cast<int>(predictions.shape()[0]);
  const auto classes = static_cast<int>(predictions.shape()[1]);
  const WorkStream stream;
  const DeviceMemory z = uploaded(predictions.raw_data(), predictions.nbytes());
  const DeviceMemory t = uploaded(targets.raw_data(), targets.nbytes());
  const void* const pointer = t.as<void>();
  const DeviceMemory table = uploaded(&pointer, sizeof pointer);
  const Step first{};
  const DeviceMemory step = uploaded(&first, sizeof first);
  const DeviceMemory dz(predictions.nbytes());
  const DeviceMemory losses(static_cast<std::size_t>(batch) * sizeof(float));
  const DeviceMemory ranks(static_cast<std::size_t>(batch) * sizeof(std::int32_t));
  Targets given{{step.as<Step>(), table.as<const void* const>(), DType::int64}, nullptr};
  if (targets.dtype() == DType::float32) given.rows = t.as<float>();
  loss(kind, {z.as<const float>(), batch, 1, 1, classes}, given, 1.0f / static_cast<float>(batch),
       losses.as<float>(), ranks.as<std::int32_t>(), {dz.as<float>(), batch, 1, 1, classes},
       step.as<Step>(), stream.get());
  stream.synchronize();
  LossResult result{0.0, Tensor(predictions.shape())};
  Tensor each({batch});
  download(losses, each);
  download(dz, result.gradient);
  for (int i = 0; i < batch; ++i) result.loss += double(each.data<float>()[i]);
  result.loss /= batch;
  return result;
}

UpdateResult update_parameter(const UpdateRule& rule, const Tensor& parameter,
                              const Tensor& gradient, const Tensor& state, float learning_rate,
                              std::int64_t step_number) {
  const DeviceGuard guard;
  require();
  const WorkStream stream;
  const DeviceMemory w = uploaded(parameter.raw_data(), parameter.nbytes());
  const DeviceMemory g = uploaded(gradient.raw_data(), gradient.nbytes());
  const DeviceMemory s = uploaded(state.raw_data(), state.nbytes());
  const auto* adam = std::get_if<AdamOptions>(&rule);
  const float rates[] = {learning_rate,
                         adam != nullptr ? adam_rate(*adam, learning_rate, step_number) : 0.0f};
  const DeviceMemory table = uploaded(rates, sizeof rates);
  Step first{};
  first.learning_rates = table.as<float>();
  first.corrected_rates = table.as<float>() + 1;
  const DeviceMemory step = uploaded(&first, sizeof first);
  const Update update{step.as<Step>(), parameter.size(), w.as<float>(),
                      g.as<float>(),   s.as<float>(),    parameter.size()};
  std::visit(Overloaded{[&](const SgdOptions& o) { sgd_update(o, update, stream.get()); },
                        [&](const AdamOptions& o) { adam_update(o, update, stream.get()); },
                        [&](const RmspropOptions& o) { rmsprop_update(o, update, stream.get()); }},
             rule);
  stream.synchronize();
  UpdateResult result{Tensor(parameter.shape()), Tensor(state.shape())};
  download(w, result.parameter);
  download(s, result.state);
  return result;
}

}  // namespace pycnn::cuda
