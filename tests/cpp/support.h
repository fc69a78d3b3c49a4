#pragma once
// What several C++ tests need: small networks, data, and settings that are put back afterwards.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/philox.h"
#include "core/thread_pool.h"
#include "graph/lanes.h"
#include "ops/cpu/kernels.h"
#include "runtime/network.h"

namespace pycnn::test {

// ---- settings

class ThreadCount {
 public:
  explicit ThreadCount(int count) : before_(num_threads()) { set_num_threads(count); }
  ~ThreadCount() { set_num_threads(before_); }

 private:
  int before_;
};

// For kernels that are called without an executor.
inline Workspaces& kernel_workspaces() {
  static Workspaces workspaces(cpu::kWorkspaceBytes);
  return workspaces;
}

class InstructionSet {
 public:
  explicit InstructionSet(const std::string& name) : before_(cpu::isa()) { cpu::set_isa(name); }
  ~InstructionSet() { cpu::set_isa(before_); }

 private:
  std::string before_;
};

// Binds networks to a layout while it lives.
class ChosenLanes {
 public:
  explicit ChosenLanes(const std::string& name) : before_(lanes()) { set_lanes(name); }
  ~ChosenLanes() { set_lanes(before_); }

 private:
  std::string before_;
};

// Plans that are made while it lives are not fused.
class PlainPlans {
 public:
  PlainPlans() { setenv("PYCNN_FUSE", "0", 1); }
  ~PlainPlans() { unsetenv("PYCNN_FUSE"); }
};

// ---- networks

struct Net {
  Graph graph;
  ValueId output;
};

inline Conv2dOptions conv(int filters, Size2 kernel, Padding padding = {}, Size2 strides = {}) {
  return {filters, kernel, strides, padding, true};
}

inline Padding same() { return {Padding::Mode::same}; }

inline Padding around(int top, int bottom, int left, int right) {
  return {Padding::Mode::explicit_, top, bottom, left, right};
}

// The LeNet-5 of the lectures, pixels scaled on the way in.
inline Net lenet5() {
  Graph g({28, 28, 1});
  ValueId v = g.rescale(g.input(), {1.0f / 255.0f, 0.0f}, "scale");
  v = g.conv2d(v, conv(6, {5, 5}, same()), "c1");
  v = g.activation(v, Activation::relu, "r1");
  v = g.max_pool2d(v, {{2, 2}, {2, 2}, {}}, "p1");
  v = g.conv2d(v, conv(16, {5, 5}), "c2");
  v = g.activation(v, Activation::relu, "r2");
  v = g.max_pool2d(v, {{2, 2}, {2, 2}, {}}, "p2");
  v = g.flatten(v, "flat");
  v = g.activation(g.dense(v, {120}, "d1"), Activation::relu, "r3");
  v = g.activation(g.dense(v, {84}, "d2"), Activation::relu, "r4");
  v = g.activation(g.dense(v, {10}, "d3"), Activation::softmax, "softmax");
  return {std::move(g), v};
}

// Every op, odd sizes, overlapping and cut windows, strides, lopsided padding; five classes.
inline Net odd_net() {
  Graph g({13, 11, 3});
  ValueId v = g.conv2d(g.input(), conv(5, {3, 5}, same(), {2, 1}), "c1");
  v = g.activation(v, Activation::tanh, "t1");
  v = g.max_pool2d(v, {{3, 3}, {2, 2}, same()}, "p1");
  v = g.rescale(v, {1.5f, -0.25f}, "scale");
  v = g.conv2d(v, conv(7, {2, 3}, around(0, 2, 1, 0)), "c2");
  v = g.conv2d(v, {4, {1, 1}, {1, 1}, {}, false}, "c3");
  v = g.max_pool2d(v, {{2, 2}, {2, 2}, {}}, "p2");
  v = g.avg_pool2d(v, {{2, 2}, {1, 1}, same()}, "p3");
  v = g.flatten(v, "flat");
  v = g.activation(g.dense(v, {6}, "d1"), Activation::sigmoid, "s1");
  v = g.activation(g.dense(v, {5, false}, "d2"), Activation::softmax, "softmax");
  return {std::move(g), v};
}

// Convolutions alone, ReLU not followed by pooling and pooling not preceded by ReLU; the output is
// a picture of 16 numbers.
inline Net picture_net() {
  Graph g({9, 9, 2});
  ValueId v = g.activation(g.conv2d(g.input(), conv(3, {3, 3}, same()), "c1"), Activation::relu);
  v = g.max_pool2d(g.conv2d(v, conv(4, {3, 3}, same()), "c2"), {{2, 2}, {2, 2}, {}}, "p2");
  v = g.conv2d(v, conv(4, {3, 3}), "c3");
  return {std::move(g), v};
}

// Only dense layers, on a shape of four dimensions that is flattened twice.
inline Net dense_net() {
  Graph g({2, 3, 2, 2});
  ValueId v = g.flatten(g.flatten(g.input(), "flat"), "flat again");
  v = g.dense(v, {33}, "d1");
  v = g.dense(g.activation(v, Activation::relu), {5}, "d2");
  return {std::move(g), v};
}

// y = x; counts its calls.
class Identity : public HostLayer {
 public:
  Tensor forward(const Tensor& x, const std::vector<Tensor>&, bool training) override {
    ++(training ? training_calls : other_calls);
    if (on_forward) on_forward();
    return x;
  }
  Gradients backward(const Tensor& dy, const std::vector<Tensor>&) override {
    if (on_backward) on_backward();
    return {dy, {}};
  }
  std::function<void()> on_forward, on_backward;
  int training_calls = 0, other_calls = 0;
};

// Six inputs, a dense layer, ReLU, the host layer if there is one, five classes.
inline Net host_net(std::shared_ptr<HostLayer> layer) {
  Graph g({6});
  ValueId v = g.activation(g.dense(g.input(), {7}, "d1"), Activation::relu);
  if (layer) v = g.host_layer(v, std::move(layer), {7}, {}, "own");
  v = g.activation(g.dense(v, {5}, "d2"), Activation::softmax, "softmax");
  return {std::move(g), v};
}

// A network of a Net, compiled; networks do not move, so functions return it as it is built.
struct Model : Network {
  Model(Net net, std::uint64_t seed, const CompileOptions& options)
      : Network(std::move(net.graph), net.output, seed) {
    compile(options);
  }
};

// ---- data

inline Tensor random_floats(Shape shape, std::uint64_t seed, float low = -1.0f, float high = 1.0f) {
  Tensor t(std::move(shape));
  for (std::int64_t i = 0; i < t.size(); ++i) {
    const auto word = philox(seed, 0, static_cast<std::uint64_t>(i))[0];
    t.data<float>()[i] = low + (high - low) * to_unit_float(word);
  }
  return t;
}

inline Tensor random_bytes(Shape shape, std::uint64_t seed) {
  Tensor t(std::move(shape), DType::uint8);
  for (std::int64_t i = 0; i < t.size(); ++i) {
    t.data<std::uint8_t>()[i] =
        static_cast<std::uint8_t>(philox(seed, 1, static_cast<std::uint64_t>(i))[0] >> 24);
  }
  return t;
}

inline Tensor random_labels(std::int64_t count, int classes, std::uint64_t seed) {
  Tensor t({count}, DType::int64);
  for (std::int64_t i = 0; i < count; ++i) {
    t.data<std::int64_t>()[i] =
        philox(seed, 2, static_cast<std::uint64_t>(i))[0] % static_cast<std::uint32_t>(classes);
  }
  return t;
}

inline Shape batched(std::int64_t count, Shape shape) {
  shape.insert(shape.begin(), count);
  return shape;
}

// Rows first..first + count of t; a view.
inline Tensor rows(const Tensor& t, std::int64_t first, std::int64_t count) {
  Shape shape = t.shape();
  const std::size_t row = t.nbytes() / static_cast<std::size_t>(shape[0]);
  shape[0] = count;
  auto* data = const_cast<std::byte*>(static_cast<const std::byte*>(t.raw_data()));
  return Tensor::wrap(data + row * static_cast<std::size_t>(first), shape, t.dtype(), nullptr);
}

inline std::vector<Tensor> weights(const Network& network) {
  std::vector<Tensor> all;
  for (std::size_t i = 0; i < network.graph().parameters().size(); ++i) {
    all.push_back(network.get_parameter(static_cast<ParameterId>(i)));
  }
  return all;
}

// For a network with one output.
inline CompileOptions one_loss(std::string loss, bool from_logits = false,
                               SgdOptions optimizer = {}, std::vector<int> top_k = {}) {
  return {{{std::move(loss), from_logits, 1.0f, std::move(top_k)}}, optimizer};
}

inline CompileOptions sparse(SgdOptions optimizer = {0.9f, true, 0.001f}) {
  return one_loss("sparse_categorical_crossentropy", false, optimizer, {1, 2});
}

struct Data {
  Tensor x, y;
};

inline Data data_for(const Network& network, std::int64_t count, std::uint64_t seed = 5) {
  const Shape& image = network.graph().shape(network.graph().input());
  return {
      random_floats(batched(count, image), seed),
      random_labels(count, static_cast<int>(network.graph().shape(network.outputs()[0])[0]), seed)};
}

// The seed is always the same.
inline Model make(Net net, const CompileOptions& options = sparse()) {
  return {std::move(net), 20, options};
}

// ---- expectations

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.raw_data(), b.raw_data(), a.nbytes()) == 0;
}

inline bool same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!same_bits(a[i], b[i])) return false;
  }
  return true;
}

inline void expect_near(const Tensor& a, const Tensor& b, double bound, const std::string& what) {
  ASSERT_EQ(a.shape(), b.shape()) << what;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(a.data<float>()[i], b.data<float>()[i], bound) << what << ", element " << i;
  }
}

// f() throws exactly an E whose message contains `text`.
template <typename E, typename F>
void expect_error(F f, const std::string& text) {
  try {
    f();
    ADD_FAILURE() << "no exception; expected: " << text;
  } catch (const E& e) {
    EXPECT_NE(std::string(e.what()).find(text), std::string::npos)
        << "message: " << e.what() << "\nexpected in it: " << text;
  } catch (const std::exception& e) {
    ADD_FAILURE() << "another exception: " << e.what() << "\nexpected: " << text;
  }
}

}  // namespace pycnn::test
