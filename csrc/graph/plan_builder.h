#pragma once
// Lowers a fused graph to instructions: what make_plan does, group by group. Each op has a file
// lower_<op>.cpp with its lower (forward) and lower_back (backward).

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "graph/plan.h"

namespace pycnn {

class PlanBuilder {
 public:
  PlanBuilder(const Graph& graph, PlanKind kind, FusedGraph fused, Device device, Lanes lanes);

  // The steps of make_plan.
  void forward();
  void scatter_outputs(const std::vector<ValueId>& values);
  void gather_output_gradients(const std::vector<ValueId>& values);
  void losses(const std::vector<LossSpec>& specs);
  void backward();
  Plan take();

  // For the lowerings.
  const Graph& graph() const { return graph_; }
  Device device() const { return device_; }
  Lanes lanes() const { return plan_.lanes; }
  bool training() const { return is_training(plan_.kind); }
  bool differentiates() const { return has_gradients(plan_.kind); }
  const Node& node(const Group& group) const;
  const Shape& shape(ValueId value) const { return graph_.shape(value); }

  BufferId new_buffer(const Shape& shape, std::string name);
  // The memory of another buffer under another shape; both must be without halo, and pack alike.
  BufferId new_alias(BufferId of, const Shape& shape, std::string name);
  Buffer& buffer(BufferId id) { return plan_.buffers[static_cast<std::size_t>(id)]; }
  void widen_halo(BufferId id, const Halo& halo);
  // The same where nobody takes the buffer for a flat array; false: nothing is changed.
  bool try_widen_halo(BufferId id, const Halo& halo);
  // Whether the device's kernels read such zeros, and there are any.
  bool wants_halo(const Halo& halo) const;
  // Operands that are -1 are not there.
  void emit(Operation operation, const std::string& who, std::initializer_list<BufferId> reads,
            std::initializer_list<BufferId> writes, bool barrier = false);

  // Behind all others: an instruction of the whole batch, which reads the rows that blocks keep.
  void emit_last(Operation operation, const std::string& who,
                 std::initializer_list<BufferId> reads);
  BufferId keep_rows(BufferId x, std::string name, const std::string& who);

  // The buffer of a value; make_value gives it one, with the halo that its readers want.
  BufferId value(ValueId v) const { return values_[static_cast<std::size_t>(v)]; }
  BufferId make_value(ValueId v, const std::string& layer);
  // Makes `v` the buffer of another value, when is_identity says that its node does nothing.
  void make_same_value(ValueId v, BufferId x) { values_[static_cast<std::size_t>(v)] = x; }
  bool is_identity(const Node& node) const;
  // Makes `v` the same elements as `x` in the same order, under its own shape: an alias where no
  // halo forbids it, else a copy.
  void make_reshaped_value(ValueId v, BufferId x, const std::string& who);
  BufferId reshaped(BufferId x, const Shape& shape, const Halo& halo, const std::string& who);

  // Backward: dy of a value, complete; whether anyone wants it; a further part of it.
  BufferId gradient(ValueId v) const { return gradients_[static_cast<std::size_t>(v)]; }
  bool wants_gradient(ValueId v) const { return wanted_[static_cast<std::size_t>(v)]; }
  void add_gradient(ValueId v, BufferId part, const std::string& who);
  // Whether a convolution adds to the gradient that there is by itself; set_gradient then gives its
  // sum. The kernels with the channels in the lanes can.
  bool convolutions_add() const { return fused_.fused && plan_.lanes == Lanes::channels; }
  void set_gradient(ValueId v, BufferId sum) { gradients_[static_cast<std::size_t>(v)] = sum; }
  // dy of a group, taken back through the ReLU that is fused into it.
  BufferId gradient_before_relu(const Group& group);
  // Whether the weights of the node at hand have gradients already, from another node with them.
  bool accumulates() const { return accumulates_; }

  // A buffer that forward leaves for backward of the same group.
  void save(const Group& group, BufferId id) { saved_[static_cast<std::size_t>(group.node)] = id; }
  BufferId saved(const Group& group) const { return saved_[static_cast<std::size_t>(group.node)]; }

 private:
  bool wants_input_gradients() const { return differentiates() && !has_losses(plan_.kind); }
  void find_halos();
  void find_wanted_gradients();
  void gather_inputs();

  const Graph& graph_;
  FusedGraph fused_;
  Device device_;
  bool in_forward_ = true;
  bool accumulates_ = false;
  Plan plan_;
  std::vector<Instruction> last_;
  std::vector<Halo> halos_;          // by value
  std::vector<bool> wanted_;         // by value
  std::vector<BufferId> values_;     // by value
  std::vector<BufferId> gradients_;  // by value; -1 while there is none
  std::vector<BufferId> saved_;      // by node
};

// One overload of each for every alternative of NodeOptions.
#define PYCNN_LOWERING(Options)                                           \
  void lower(PlanBuilder& b, const Group& group, const Options& options); \
  void lower_back(PlanBuilder& b, const Group& group, const Options& options);
PYCNN_LOWERING(Conv2dOptions)
PYCNN_LOWERING(DepthwiseConv2dOptions)
PYCNN_LOWERING(MaxPool2dOptions)
PYCNN_LOWERING(AvgPool2dOptions)
PYCNN_LOWERING(DenseOptions)
PYCNN_LOWERING(ActivationOptions)
PYCNN_LOWERING(AddOptions)
PYCNN_LOWERING(ConcatOptions)
PYCNN_LOWERING(BatchNormOptions)
PYCNN_LOWERING(GlobalAvgPool2dOptions)
PYCNN_LOWERING(GlobalMaxPool2dOptions)
PYCNN_LOWERING(ZeroPad2dOptions)
PYCNN_LOWERING(ReshapeOptions)
PYCNN_LOWERING(PermuteOptions)
PYCNN_LOWERING(LocalResponseNormOptions)
PYCNN_LOWERING(DropoutOptions)
PYCNN_LOWERING(AugmentOptions)
PYCNN_LOWERING(FlattenOptions)
PYCNN_LOWERING(RescaleOptions)
PYCNN_LOWERING(HostOptions)
#undef PYCNN_LOWERING

}  // namespace pycnn
