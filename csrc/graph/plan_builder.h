#pragma once
// Lowers a fused graph to instructions: what make_plan does, node by node.

#include <initializer_list>
#include <string>
#include <vector>

#include "graph/plan.h"

namespace pycnn {

class PlanBuilder {
 public:
  PlanBuilder(const Graph& graph, PlanKind kind);

  void forward(const FusedGraph& fused);
  void scatter_output(ValueId value);
  void gather_output_gradient(ValueId value);
  void loss(const LossSpec& spec);
  void backward(const FusedGraph& fused);
  Plan take() { return std::move(plan_); }

 private:
  // What forward leaves for the backward pass of a group.
  struct Saved {
    BufferId x = -1, y = -1, code = -1;
  };

  const Node& node(const Group& group) const;
  BufferId new_buffer(const Shape& shape, std::string name);
  BufferId new_alias(BufferId of, const Shape& shape, std::string name);
  void widen_halo(BufferId id, const Halo& halo);
  void emit(Operation operation, const std::string& who, std::initializer_list<BufferId> reads,
            std::initializer_list<BufferId> writes);

  // Forward: one overload for each op; gives what is saved, y included.
  Saved lower(const Group& group, const Conv2dOptions& o, BufferId x);
  Saved lower(const Group& group, const MaxPool2dOptions& o, BufferId x);
  Saved lower(const Group& group, const AvgPool2dOptions& o, BufferId x);
  Saved lower(const Group& group, const DenseOptions& o, BufferId x);
  Saved lower(const Group& group, const Activation& kind, BufferId x);
  Saved lower(const Group& group, const FlattenOptions& o, BufferId x);
  Saved lower(const Group& group, const RescaleOptions& o, BufferId x);
  Saved lower(const Group& group, const HostOptions& o, BufferId x);

  // Backward: from dy to dx (-1 unless `needs_dx`), parameter gradients on the way.
  BufferId lower_back(const Group& group, const Conv2dOptions& o, const Saved& s, BufferId dy,
                      bool needs_dx);
  BufferId lower_back(const Group& group, const MaxPool2dOptions& o, const Saved& s, BufferId dy,
                      bool needs_dx);
  BufferId lower_back(const Group& group, const AvgPool2dOptions& o, const Saved& s, BufferId dy,
                      bool needs_dx);
  BufferId lower_back(const Group& group, const DenseOptions& o, const Saved& s, BufferId dy,
                      bool needs_dx);
  BufferId lower_back(const Group& group, const Activation& kind, const Saved& s, BufferId dy,
                      bool needs_dx);
  BufferId lower_back(const Group& group, const FlattenOptions& o, const Saved& s, BufferId dy,
                      bool needs_dx);
  BufferId lower_back(const Group& group, const RescaleOptions& o, const Saved& s, BufferId dy,
                      bool needs_dx);
  BufferId lower_back(const Group& group, const HostOptions& o, const Saved& s, BufferId dy,
                      bool needs_dx);
  BufferId conv2d_output_gradient(const Group& group, const Conv2dGeometry& g, const Saved& s,
                                  BufferId dy, bool needs_dx);
  BufferId rescale_gradient(const Node& node, BufferId dy);

  const Graph& graph_;
  PlanKind kind_;
  bool in_forward_ = true;
  Plan plan_;
  std::vector<Saved> saved_;  // by group
  BufferId output_ = -1;      // buffer of the last value
  BufferId gradient_ = -1;    // of its gradient, once there is one
};

}  // namespace pycnn
