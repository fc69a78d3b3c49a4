#include "runtime/cuda/data.h"

#include <algorithm>
#include <cstring>

#include "cuda/error.h"

namespace pycnn::cuda {
namespace {

std::size_t row_bytes(const Tensor& t) {
  return t.nbytes() / static_cast<std::size_t>(t.shape()[0]);
}

void copy_to_device(void* to, const void* from, std::size_t bytes, const WorkStream& stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream.get()),
        "copying data to the GPU");
}

}  // namespace

std::shared_ptr<void> DeviceData::hold(const Tensor& data) {
  std::erase_if(held_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<DeviceMemory>& entry = held_[data.raw_data()];
  if (auto alive = entry.lock()) return alive;
  // The network needs room, too; what is not held is copied batch by batch.
  if (data.nbytes() > free_memory() / 2) return nullptr;
  auto copy = std::make_shared<DeviceMemory>(data.nbytes());
  upload(copy->as<void>(), data.raw_data(), data.nbytes(), "copying the data set to the GPU");
  entry = copy;
  return copy;
}

const void* DeviceData::find(const Tensor& data) const {
  const auto entry = held_.find(data.raw_data());
  if (entry == held_.end()) return nullptr;
  const auto alive = entry->second.lock();
  return alive && alive->size() == data.nbytes() ? alive->as<void>() : nullptr;
}

bool DeviceData::holds(const Batch& batch) const {
  const auto is_held = [this](const Tensor* t) { return find(*t) != nullptr; };
  return std::all_of(batch.inputs.begin(), batch.inputs.end(), is_held) &&
         std::all_of(batch.targets.begin(), batch.targets.end(), is_held) &&
         batch.output_gradients.empty();
}

Sources DeviceData::held(const Batch& batch, const WorkStream& stream) {
  Sources sources;
  for (const Tensor* t : batch.inputs) sources.inputs.push_back(find(*t));
  for (const Tensor* t : batch.targets) sources.targets.push_back(find(*t));
  sources.first = batch.first;
  if (batch.indices == nullptr) return sources;
  const std::size_t bytes = static_cast<std::size_t>(batch.count) * sizeof(std::int64_t);
  order_.reserve(bytes);
  copy_to_device(order_.as<void>(), batch.indices, bytes, stream);
  sources.order = order_.as<std::int64_t>();
  sources.first = 0;
  return sources;
}

const void* DeviceData::copy_rows(const Tensor& data, const Batch& batch, std::size_t slot,
                                  const WorkStream& stream) {
  const std::size_t row = row_bytes(data);
  const std::size_t bytes = row * static_cast<std::size_t>(batch.count);
  if (slots_.size() <= slot) {
    slots_.resize(slot + 1);
    picked_.resize(slot + 1);
  }
  const auto* all = static_cast<const std::byte*>(data.raw_data());
  const std::byte* from = all + row * static_cast<std::size_t>(batch.first);
  if (batch.indices != nullptr) {
    picked_[slot].resize(bytes);
    for (std::int64_t i = 0; i < batch.count; ++i) {
      std::memcpy(picked_[slot].data() + row * static_cast<std::size_t>(i),
                  all + row * static_cast<std::size_t>(batch.row(i)), row);
    }
    from = picked_[slot].data();
  }
  slots_[slot].reserve(bytes);
  copy_to_device(slots_[slot].as<void>(), from, bytes, stream);
  return slots_[slot].as<void>();
}

Sources DeviceData::copied(const Batch& batch, const WorkStream& stream) {
  Sources sources;
  std::size_t slot = 0;
  const auto copy = [&](const std::vector<const Tensor*>& from, std::vector<const void*>& to) {
    for (const Tensor* t : from) to.push_back(copy_rows(*t, batch, slot++, stream));
  };
  copy(batch.inputs, sources.inputs);
  copy(batch.targets, sources.targets);
  copy(batch.output_gradients, sources.output_gradients);
  return sources;
}

}  // namespace pycnn::cuda
