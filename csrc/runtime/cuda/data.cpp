#include "runtime/cuda/data.h"

#include <algorithm>
#include <cstring>

#include "cuda/device.h"
#include "cuda/error.h"
#include "cuda/interop.h"

namespace pycnn::cuda {
namespace {

std::size_t row_bytes(const Tensor& t) {
  return t.nbytes() / static_cast<std::size_t>(t.shape()[0]);
}

void copy_to_device(void* to, const void* from, std::size_t bytes, const WorkStream& stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream.get()),
        "copying data to the GPU");
}

// What another library has queued may still be writing the data that it shares.
void wait_for_writers(const Batch& batch) {
  for (const auto* tensors : {&batch.inputs, &batch.targets, &batch.output_gradients}) {
    for (const Tensor* t : *tensors) {
      if (t->device() == Device::cuda) return wait_for_default_stream();
    }
  }
}

}  // namespace

std::shared_ptr<void> DeviceData::hold(const Tensor& data) {
  if (data.device() == Device::cuda) return nullptr;
  std::erase_if(held_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<DeviceMemory>& entry = held_[data.raw_data()];
  if (auto alive = entry.lock()) return alive;
  // The network needs room, too; what is not held is copied batch by batch.
  if (data.nbytes() > memory_info().free / 2) return nullptr;
  auto copy = std::make_shared<DeviceMemory>(data.nbytes());
  upload(copy->as<void>(), data.raw_data(), data.nbytes(), "copying the data set to the GPU");
  entry = copy;
  return copy;
}

const void* DeviceData::find(const Tensor& data) const {
  if (data.device() == Device::cuda) return data.raw_data();
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
  wait_for_writers(batch);
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

const void* DeviceData::rows(const Tensor& data, const Batch& batch, std::size_t slot,
                             const WorkStream& stream) {
  if (data.device() == Device::cuda && batch.indices == nullptr) {
    return data.rows(batch.first, batch.count).raw_data();
  }
  if (slots_.size() <= slot) {
    slots_.resize(slot + 1);
    picked_.resize(slot + 1);
  }
  slots_[slot].reserve(row_bytes(data) * static_cast<std::size_t>(batch.count));
  copy_rows(data, batch, slot, stream);
  return slots_[slot].as<void>();
}

void DeviceData::copy_rows(const Tensor& data, const Batch& batch, std::size_t slot,
                           const WorkStream& stream) {
  const std::size_t row = row_bytes(data);
  const std::size_t bytes = row * static_cast<std::size_t>(batch.count);
  const auto* all = static_cast<const std::byte*>(data.raw_data());
  const auto address = [&](std::int64_t i) {
    return all + row * static_cast<std::size_t>(batch.row(i));
  };
  if (batch.indices == nullptr) {
    return copy_to_device(slots_[slot].as<void>(), address(0), bytes, stream);
  }
  if (data.device() == Device::cuda) {
    for (std::int64_t i = 0; i < batch.count; ++i) {
      check(cudaMemcpyAsync(slots_[slot].as<>() + row * static_cast<std::size_t>(i), address(i),
                            row, cudaMemcpyDeviceToDevice, stream.get()),
            "copying data on the GPU");
    }
    return;
  }
  picked_[slot].resize(bytes);
  for (std::int64_t i = 0; i < batch.count; ++i) {
    std::memcpy(picked_[slot].data() + row * static_cast<std::size_t>(i), address(i), row);
  }
  copy_to_device(slots_[slot].as<void>(), picked_[slot].data(), bytes, stream);
}

Sources DeviceData::copied(const Batch& batch, const WorkStream& stream) {
  wait_for_writers(batch);
  Sources sources;
  std::size_t slot = 0;
  const auto place = [&](const std::vector<const Tensor*>& from, std::vector<const void*>& to) {
    for (const Tensor* t : from) to.push_back(rows(*t, batch, slot++, stream));
  };
  place(batch.inputs, sources.inputs);
  place(batch.targets, sources.targets);
  place(batch.output_gradients, sources.output_gradients);
  return sources;
}

}  // namespace pycnn::cuda
