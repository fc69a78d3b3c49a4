#pragma once
// Images and labels on the GPU: tensors that are there and used in place, whole data sets that are
// held there, and the rows of a batch that are copied for a step.

#include <map>
#include <memory>
#include <vector>

#include "cuda/memory.h"
#include "cuda/stream.h"
#include "runtime/batch.h"

namespace pycnn::cuda {

// Where a step finds its data: by stream and index, the first row; and which rows it takes.
struct Sources {
  std::vector<const void*> inputs, targets, output_gradients;
  const std::int64_t* order = nullptr;  // on the device; null: row `first` and what follows it
  std::int64_t first = 0;
};

class DeviceData {
 public:
  // Copies a tensor of the host; the copy lives as long as the result and is used as long as it
  // lives. Null when it would take more than half of the free memory, or is there anyway.
  std::shared_ptr<void> hold(const Tensor& data);

  // Whether all data of the batch are held, or on the GPU anyway.
  bool holds(const Batch& batch) const;
  // The data of a batch that is held, with the order of its images copied to the device.
  Sources held(const Batch& batch, const WorkStream& stream);
  // The rows of a batch, copied to the device; those that are there are used in place.
  Sources copied(const Batch& batch, const WorkStream& stream);

 private:
  const void* find(const Tensor& data) const;
  // Where the rows of the batch lie on the device, one after another: in the tensor or in a slot.
  const void* rows(const Tensor& data, const Batch& batch, std::size_t slot,
                   const WorkStream& stream);
  void copy_rows(const Tensor& data, const Batch& batch, std::size_t slot,
                 const WorkStream& stream);

  std::map<const void*, std::weak_ptr<DeviceMemory>> held_;  // by the address on the host
  std::vector<DeviceMemory> slots_;                          // of copied rows
  std::vector<std::vector<std::byte>> picked_;               // rows put together, by slot
  DeviceMemory order_;
};

}  // namespace pycnn::cuda
