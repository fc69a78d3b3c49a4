#include "runtime/cuda/small_net_form.h"

#include <algorithm>
#include <limits>
#include <set>

namespace pycnn::cuda {
namespace {

using small_net::Conv;
using small_net::Dense;
using small_net::Net;

// Every block reads all weights of dense layers: with many more, a layer at a time is better.
constexpr std::int64_t kMostWeights = std::int64_t{1} << 18;

// Reads the forward instructions of a plan one after another, each working on the output of the one
// before it.
class Chain {
 public:
  explicit Chain(const Plan& plan) : plan_(plan) {}

  // The next instruction, if it is a T; then it has been read.
  template <typename T>
  const T* next() {
    if (at_ == plan_.program.size() || !plan_.program[at_].forward) return nullptr;
    const T* i = std::get_if<T>(&plan_.program[at_].operation);
    if (i != nullptr) ++at_;
    return i;
  }
  bool at_end() const { return at_ == plan_.program.size() || !plan_.program[at_].forward; }

  // Whether x is what was given last; y is what is given now.
  bool follows(BufferId x, BufferId y) {
    const bool is_last = root(x) == last_;
    last_ = root(y);
    return is_last;
  }
  void begin(BufferId y) { last_ = root(y); }
  bool ends(BufferId x) const { return root(x) == last_; }
  const Buffer& buffer(BufferId id) const { return plan_.buffers[static_cast<std::size_t>(id)]; }

 private:
  BufferId root(BufferId id) const {
    const BufferId of = buffer(id).alias_of;
    return of < 0 ? id : of;
  }

  const Plan& plan_;
  std::size_t at_ = 0;
  BufferId last_ = -1;
};

class Former {
 public:
  Former(const Plan& plan, const Graph& graph, const DeviceWeights& weights)
      : chain_(plan), graph_(graph), weights_(weights) {}

  std::optional<SmallForm> form() {
    if (graph_.inputs().size() != 1 || weights_.moving_size() > 0 ||
        weights_.flat_size() > kMostWeights) {
      return std::nullopt;
    }
    if (!take_input()) return std::nullopt;
    while (const auto* conv = chain_.next<Conv2dForward>()) {
      if (!take_conv(*conv)) return std::nullopt;
    }
    while (const auto* dense = chain_.next<DenseForward>()) {
      if (!take_dense(*dense)) return std::nullopt;
    }
    const auto* loss = chain_.next<LossStep>();
    if (net_.dense_count == 0 || loss == nullptr || !chain_.ends(loss->z) || !chain_.at_end() ||
        loss->kind != LossKind::softmax_cross_entropy || loss->rows >= 0 ||
        net_.denses[net_.dense_count - 1].relu || !owns_weights()) {
      return std::nullopt;
    }
    return SmallForm{net_, loss->weight};
  }

 private:
  bool take_input() {
    const auto* gather = chain_.next<GatherRows>();
    if (gather == nullptr || gather->stream != pycnn::Stream::input) return false;
    chain_.begin(gather->y);
    const Buffer& image = chain_.buffer(gather->y);
    net_.height = image.height;
    net_.width = image.width;
    net_.channels = image.channels;
    net_.scale = gather->scale;
    net_.offset = gather->offset;
    return true;
  }

  bool take_conv(const Conv2dForward& i) {
    const bool plain = i.g.groups == 1 && i.g.dilation_height == 1 && i.g.dilation_width == 1;
    if (!plain || net_.conv_count == small_net::kMostConvs || !chain_.follows(i.x, i.y)) {
      return false;
    }
    Conv c{};
    c.g = i.g;
    c.relu = i.relu;
    c.height = i.g.out_height;
    c.width = i.g.out_width;
    if (const auto* pool = chain_.next<MaxPool2dForward>()) {
      if (!halves(pool->g) || !chain_.follows(pool->x, pool->y)) return false;
      c.pool = true;
      c.height /= 2;
      c.width /= 2;
    }
    c.kernel = weight(i.kernel);
    c.bias = weight(i.bias);
    c.kernel_sum = weights_.offset(i.kernel);
    c.bias_sum = i.bias < 0 ? 0 : weights_.offset(i.bias);
    for (ParameterId p : {i.kernel, i.bias}) {
      if (p >= 0) last_of_convs_ = std::max(last_of_convs_, p);
    }
    net_.convs[net_.conv_count++] = c;
    return true;
  }

  // 2x2 windows with stride 2 that no border cuts.
  static bool halves(const WindowGeometry& g) {
    return g.kernel_height == 2 && g.kernel_width == 2 && g.stride_height == 2 &&
           g.stride_width == 2 && g.pad_top == 0 && g.pad_left == 0 &&
           g.out_height == g.in_height / 2 && g.out_width == g.in_width / 2;
  }

  bool take_dense(const DenseForward& i) {
    if (net_.dense_count == small_net::kMostDenses || !chain_.follows(i.x, i.y)) return false;
    Dense d{};
    d.g = i.g;
    d.relu = i.relu;
    d.kernel = weight(i.kernel);
    d.bias = weight(i.bias);
    d.kernel_gradient = weights_.gradient(i.kernel);
    d.bias_gradient = weights_.gradient(i.bias);
    net_.denses[net_.dense_count++] = d;
    return true;
  }

  const float* weight(ParameterId id) {
    if (id >= 0) used_.push_back(id);
    return weights_.at(id);
  }

  // Every weight of the network once, in the order of the layers: then those of the convolutions
  // are one stretch of the flat buffers.
  bool owns_weights() {
    const std::set<ParameterId> distinct(used_.begin(), used_.end());
    if (distinct.size() != used_.size() || used_.size() != graph_.parameters().size() ||
        !std::is_sorted(used_.begin(), used_.end())) {
      return false;
    }
    const auto behind = static_cast<std::size_t>(last_of_convs_ + 1);
    net_.part_size =
        behind < used_.size() ? weights_.offset(last_of_convs_ + 1) : weights_.trainable_size();
    net_.conv_gradient = weights_.flat_gradient();
    return true;
  }

  Chain chain_;
  const Graph& graph_;
  const DeviceWeights& weights_;
  Net net_{};
  std::vector<ParameterId> used_;
  ParameterId last_of_convs_ = -1;
};

}  // namespace

std::optional<SmallForm> small_form(const Plan& plan, const Graph& graph,
                                    const DeviceWeights& weights) {
  return Former(plan, graph, weights).form();
}

}  // namespace pycnn::cuda
