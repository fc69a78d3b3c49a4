#include "graph/receptive_field.h"

#include <algorithm>
#include <optional>

namespace pycnn {
namespace {

// Farther than any picture reaches: positions and steps stop growing here, so that no pile of
// absurd strides overflows.
constexpr std::int64_t kFar = std::int64_t{1} << 31;

std::int64_t near(std::int64_t position) { return std::clamp(position, -kFar, kFar); }

constexpr int kNone = -1;

// What a value sees of an axis of the input, its height or its width.
struct Field {
  // The dimension of the value that lies along the axis: a place with index i there sees the
  // pixels from first + i * step to last + i * step. kNone: where a place lies does not tell what
  // it sees, which is at most `size` of the pixels from first to last.
  int dimension = kNone;
  std::int64_t first = 0, last = 0, step = 1;
  std::int64_t size = 1;
};

using Fields = std::vector<std::optional<Field>>;  // by value; nothing: it does not see the input

bool has_channels(const Shape& shape) { return shape.size() >= 3; }

bool aligned(const Field& a, const Field& b) {
  return a.dimension != kNone && a.dimension == b.dimension && a.step == b.step;
}

// Any of the pixels from first to last that there are.
Field anywhere(std::int64_t first, std::int64_t last, std::int64_t pixels) {
  first = std::clamp(first, std::int64_t{0}, pixels - 1);
  last = std::clamp(last, first, pixels - 1);
  return {kNone, first, last, 0, last - first + 1};
}

// What all places of a value see together.
Field together(const Field& f, const Shape& shape, std::int64_t pixels) {
  if (f.dimension == kNone) return anywhere(f.first, f.last, pixels);
  const std::int64_t n = shape[static_cast<std::size_t>(f.dimension)];
  return anywhere(f.first, f.last + f.step * (n - 1), pixels);
}

// Each place sees what it did, but lies anywhere.
Field scattered(const Field& f, const Shape& shape, std::int64_t pixels) {
  Field all = together(f, shape, pixels);
  all.size = std::min(f.size, all.size);
  return all;
}

// From the first to the last pixel that `a` or `b` sees; both aligned, or both of no dimension.
Field both(Field a, const Field& b) {
  a.first = std::min(a.first, b.first);
  a.last = std::max(a.last, b.last);
  a.size = a.last - a.first + 1;
  return a;
}

// Of `taps` places, `gap` apart; the first window begins `before` the first of them.
Field slid(Field f, std::int64_t taps, std::int64_t gap, std::int64_t stride, std::int64_t before) {
  f.first = near(f.first - f.step * before);
  f.last = near(f.last + f.step * (near((taps - 1) * gap) - before));
  f.step = near(f.step * stride);
  f.size = f.last - f.first + 1;
  return f;
}

// The dimension of `to` that `dimension` of `from` becomes in a reshape; kNone where there is none.
int reshaped(int dimension, const Shape& from, const Shape& to) {
  const auto places_before = [](const Shape& shape, std::size_t end) {
    return element_count(Shape(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(end)));
  };
  const auto at = static_cast<std::size_t>(dimension);
  for (std::size_t d = 0; d < to.size(); ++d) {
    if (to[d] == from[at] && places_before(to, d) == places_before(from, at)) {
      return static_cast<int>(d);
    }
  }
  return kNone;
}

// What a node's output sees, from what its inputs see; one of these at least sees something.
class NodeRule {
 public:
  // `pixels`: of the input along the axis.
  NodeRule(const Graph& graph, const Node& node, const Fields& fields, std::int64_t pixels)
      : graph_(graph), node_(node), fields_(fields), pixels_(pixels) {
    while (!sees(node.inputs[first_])) ++first_;
  }

  Field operator()(const Conv2dOptions& o) const {
    return window(conv2d_geometry(shape(), o, ""), o.dilation, true);
  }
  Field operator()(const DepthwiseConv2dOptions& o) const {
    return window(depthwise_conv2d_geometry(shape(), o, ""), o.dilation, o.depth_multiplier > 1);
  }
  Field operator()(const MaxPool2dOptions& o) const {
    return window(max_pool2d_geometry(shape(), o, ""), {}, false);
  }
  Field operator()(const AvgPool2dOptions& o) const {
    return window(avg_pool2d_geometry(shape(), o, ""), {}, false);
  }
  Field operator()(const GlobalAvgPool2dOptions& o) const { return global_pool(o.keepdims); }
  Field operator()(const GlobalMaxPool2dOptions& o) const { return global_pool(o.keepdims); }
  Field operator()(const DenseOptions&) const { return together(field(), shape(), pixels_); }
  Field operator()(const HostOptions&) const { return anywhere(0, pixels_ - 1, pixels_); }

  Field operator()(const AddOptions&) const {
    Field all = field();
    for (ValueId x : node_.inputs) {
      if (sees(x)) all = aligned(all, field(x)) ? both(all, field(x)) : hull(all, x);
    }
    return all;
  }
  Field operator()(const ConcatOptions& o) const {
    const bool of_channels = has_channels(shape()) && o.axis == last_dimension();
    Field all = field();
    for (ValueId x : node_.inputs) {
      if (!sees(x)) continue;
      if (aligned(all, field(x)) && all.dimension != o.axis) {
        all = both(all, field(x));
      } else {
        all = of_channels ? hull(all, x) : either(all, x);
      }
    }
    return all;
  }

  Field operator()(const ActivationOptions& o) const {
    return o.kind == Activation::softmax ? mixed_channels() : field();
  }
  Field operator()(const LocalResponseNormOptions&) const { return mixed_channels(); }

  Field operator()(const ZeroPad2dOptions& o) const { return moved(-o.top, -o.left); }
  Field operator()(const AugmentOptions& o) const {
    const AugmentMap map = central_augment_map(augment_geometry(shape(), o, ""));
    return moved(map.row >> 32, map.column >> 32);
  }
  Field operator()(const PermuteOptions& o) const {
    Field f = field();
    if (f.dimension == kNone) {
      const bool gathers = has_channels(shape()) && o.dims.back() != last_dimension() + 1;
      return gathers ? together(f, shape(), pixels_) : f;
    }
    const auto to = std::find(o.dims.begin(), o.dims.end(), f.dimension + 1);
    f.dimension = static_cast<int>(to - o.dims.begin());
    return f;
  }
  Field operator()(const ReshapeOptions&) const { return reshape(); }
  Field operator()(const FlattenOptions&) const { return reshape(); }
  Field operator()(const BatchNormOptions&) const { return field(); }
  Field operator()(const DropoutOptions&) const { return field(); }
  Field operator()(const RescaleOptions&) const { return field(); }

 private:
  bool sees(ValueId value) const { return fields_[static_cast<std::size_t>(value)].has_value(); }
  const Field& field(ValueId value) const { return *fields_[static_cast<std::size_t>(value)]; }
  const Shape& shape(ValueId value) const { return graph_.shape(value); }
  // Of the first input that sees anything.
  const Field& field() const { return field(node_.inputs[first_]); }
  const Shape& shape() const { return shape(node_.inputs[first_]); }
  int last_dimension() const { return static_cast<int>(shape().size()) - 1; }

  // An element of the output reads both. What is joined so far has the first input's shape, or no
  // dimension.
  Field hull(const Field& all, ValueId x) const {
    return both(together(all, shape(), pixels_), together(field(x), shape(x), pixels_));
  }

  // An element of the output reads one of both.
  Field either(const Field& all, ValueId x) const {
    const Field a = scattered(all, shape(), pixels_), b = scattered(field(x), shape(x), pixels_);
    Field f = both(a, b);
    f.size = std::max(a.size, b.size);
    return f;
  }

  Field mixed_channels() const {
    const Field& f = field();
    const bool apart = f.dimension != kNone && f.dimension != last_dimension();
    return apart ? f : together(f, shape(), pixels_);
  }

  Field window(const WindowGeometry& g, Size2 dilation, bool mixes_channels) const {
    const Field& f = field();
    if (f.dimension == 0) {
      return slid(f, g.kernel_height, dilation.height, g.stride_height, g.pad_top);
    }
    if (f.dimension == 1) {
      return slid(f, g.kernel_width, dilation.width, g.stride_width, g.pad_left);
    }
    return f.dimension == kNone || mixes_channels ? together(f, shape(), pixels_) : f;
  }

  Field global_pool(bool keepdims) const {
    Field f = field();
    if (f.dimension != last_dimension()) return together(f, shape(), pixels_);
    if (!keepdims) f.dimension = 0;
    return f;
  }

  Field moved(std::int64_t rows, std::int64_t columns) const {
    Field f = field();
    if (f.dimension != 0 && f.dimension != 1) return f;
    const std::int64_t by = f.step * (f.dimension == 0 ? rows : columns);
    f.first = near(f.first + by);
    f.last = near(f.last + by);
    return f;
  }

  Field reshape() const {
    Field f = field();
    const Shape& to = shape(node_.output);
    if (f.dimension != kNone) {
      f.dimension = reshaped(f.dimension, shape(), to);
      if (f.dimension != kNone) return f;
    }
    // The channels of one place may have been those of several.
    const bool gathers = has_channels(to) && to.back() > 1 && shape() != to;
    return gathers ? together(field(), shape(), pixels_) : scattered(field(), shape(), pixels_);
  }

  const Graph& graph_;
  const Node& node_;
  const Fields& fields_;
  std::int64_t pixels_;
  std::size_t first_ = 0;
};

// What every value sees of dimension `along` of `input`.
Fields fields_along(const Graph& graph, ValueId input, std::size_t along) {
  const Shape& image = graph.shape(input);
  const bool there = along < image.size();
  Fields fields(static_cast<std::size_t>(graph.value_count()));
  fields[static_cast<std::size_t>(input)] = Field{there ? static_cast<int>(along) : kNone};
  for (const Node& node : graph.nodes()) {
    const bool sees = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId x) {
      return fields[static_cast<std::size_t>(x)].has_value();
    });
    if (!sees) continue;
    const NodeRule rule(graph, node, fields, there ? image[along] : 1);
    fields[static_cast<std::size_t>(node.output)] = std::visit(rule, node.options);
  }
  return fields;
}

}  // namespace

std::vector<FieldSize> receptive_fields(const Graph& graph) {
  std::vector<FieldSize> sizes(static_cast<std::size_t>(graph.value_count()));
  for (ValueId input : graph.inputs()) {
    for (const std::size_t along : {std::size_t{0}, std::size_t{1}}) {
      const Fields fields = fields_along(graph, input, along);
      const Shape& image = graph.shape(input);
      for (std::size_t v = 0; v < fields.size(); ++v) {
        if (!fields[v]) continue;
        const Shape& shape = graph.shape(static_cast<ValueId>(v));
        const bool in_channels =
            has_channels(shape) && fields[v]->dimension == static_cast<int>(shape.size()) - 1;
        const Field seen = in_channels ? together(*fields[v], shape, image[along]) : *fields[v];
        std::int64_t& size = along == 0 ? sizes[v].height : sizes[v].width;
        size = std::max(size, seen.size);
      }
    }
  }
  return sizes;
}

}  // namespace pycnn
