#pragma once
// Networks that are no chain: values with several readers, batch normalization, several inputs and
// outputs. `smooth` ones have derivatives everywhere: no ReLU, no maximum.

#include <utility>
#include <vector>

#include "support.h"

namespace pycnn::test {

inline ValueId bend(Graph& g, ValueId v, bool smooth) {
  return g.activation(v, smooth ? Activation::tanh : Activation::relu);
}

inline ValueId normalized_conv(Graph& g, ValueId v, const Conv2dOptions& options,
                               const std::string& name) {
  return g.batch_norm(g.conv2d(v, options, name), {}, name + " norm");
}

// Two residual blocks as in He et al. 2016, the second with a projection; five classes.
inline Net residual_net(bool smooth = false) {
  Graph g({8, 7, 3});
  const ValueId stem =
      bend(g, normalized_conv(g, g.input(), conv(4, {3, 3}, same()), "stem"), smooth);
  ValueId v = bend(g, normalized_conv(g, stem, conv(4, {3, 3}, same()), "a1"), smooth);
  v = normalized_conv(g, v, conv(4, {3, 3}, same()), "a2");
  const ValueId first = bend(g, g.add({v, stem}, "a"), smooth);
  v = bend(g, normalized_conv(g, first, conv(6, {3, 3}, same(), {2, 2}), "b1"), smooth);
  v = normalized_conv(g, v, conv(6, {3, 3}, same()), "b2");
  const ValueId shortcut = normalized_conv(g, first, conv(6, {1, 1}, {}, {2, 2}), "projection");
  v = bend(g, g.add({v, shortcut}, "b"), smooth);
  v = g.avg_pool2d(v, {{4, 4}, {1, 1}, {}}, "mean");
  v = g.dense(g.flatten(v), {5}, "d");
  v = g.activation(v, Activation::softmax, "softmax");
  return {std::move(g), v};
}

// One module as in Szegedy et al. 2015, read by a convolution that wants zeros around it; five
// classes.
inline Net inception_net(bool smooth = false) {
  Graph g({7, 9, 2});
  const ValueId x = g.rescale(g.input(), {0.7f, 0.1f}, "scale");
  const ValueId small = bend(g, g.conv2d(x, conv(3, {1, 1}), "1x1"), smooth);
  ValueId middle = bend(g, g.conv2d(x, conv(2, {1, 1}), "3x3 reduce"), smooth);
  middle = bend(g, g.conv2d(middle, conv(4, {3, 3}, same()), "3x3"), smooth);
  const ValueId large = bend(g, g.conv2d(x, conv(2, {5, 5}, same()), "5x5"), smooth);
  ValueId pooled = smooth ? g.avg_pool2d(x, {{3, 3}, {1, 1}, same()}, "pool")
                          : g.max_pool2d(x, {{3, 3}, {1, 1}, same()}, "pool");
  pooled = g.conv2d(pooled, conv(1, {1, 1}), "pool 1x1");
  ValueId v = g.concat({small, middle, large, pooled}, {}, "joined");
  v = bend(g, g.conv2d(v, conv(4, {3, 3}, same()), "c"), smooth);
  v = g.avg_pool2d(v, {{2, 2}, {2, 2}, {}});
  v = g.dense(g.flatten(v), {5}, "d");
  v = g.activation(v, Activation::softmax, "softmax");
  return {std::move(g), v};
}

// A convolution and a Flatten read the same value: the one wants zeros around it, the other none.
inline Net reshaped_net(bool smooth = false) {
  Graph g({5, 6, 2});
  const ValueId x = bend(g, g.conv2d(g.input(), conv(3, {3, 3}, same()), "c1"), smooth);
  const ValueId y = bend(g, g.conv2d(x, conv(2, {3, 3}, same()), "c2"), smooth);
  ValueId v = g.add(
      {g.dense(g.flatten(x, "flat x"), {5}, "d1"), g.dense(g.flatten(y, "flat y"), {5}, "d2")});
  v = g.activation(v, Activation::softmax, "softmax");
  return {std::move(g), v};
}

// The ops that the other networks lack; dropout before what wants zeros around it, two means read
// by nothing but a reshaping.
inline Net further_net(bool smooth = false) {
  Graph g({6, 5, 3});
  ValueId v = g.zero_pad2d(g.input(), {1, 0, 0, 2}, "pad");
  v = g.local_response_norm(v, {3, 1.0f, 0.5f, 0.75f}, "lrn");
  v = g.dropout(v, {smooth ? 0.0f : 0.25f}, "drop");
  v = g.depthwise_conv2d(v, {{3, 3}, {1, 1}, same()}, "depthwise");
  v = g.activation(v, {smooth ? Activation::gelu : Activation::leaky_relu, 0.1f});
  v = g.conv2d(g.permute(v, {{2, 1, 3}}, "turn"), conv(4, {3, 3}, same()), "c");
  v = g.activation(v, smooth ? Activation::gelu_tanh : Activation::elu);
  const ValueId mean = g.global_avg_pool2d(v, {}, "mean");
  const ValueId peak = smooth ? g.global_avg_pool2d(g.activation(v, Activation::tanh))
                              : g.global_max_pool2d(v, {}, "peak");
  v = g.reshape(g.concat({mean, peak}), {{2, 2, 2}}, "square");
  v = g.conv2d(v, conv(3, {2, 2}, same()), "last");
  v = g.dropout(g.flatten(v), {smooth ? 0.0f : 0.5f}, "drop more");
  v = g.activation(g.dense(v, {5}, "d"), Activation::softmax, "softmax");
  return {std::move(g), v};
}

// One convolution with its normalization, used three times in a row: one set of weights.
inline Net shared_net(bool smooth = false) {
  Graph g({6, 5, 3});
  ValueId v = g.input();
  int convolution = -1, norm = -1;
  for (int use = 0; use < 3; ++use) {
    const ValueId c = g.conv2d(v, conv(3, {3, 3}, same()), "c");
    v = g.batch_norm(c, {}, "norm");
    if (use == 0) convolution = g.producer(c);
    if (use == 0) norm = g.producer(v);
    if (use > 0) g.share_parameters(g.producer(c), convolution);
    if (use > 0) g.share_parameters(g.producer(v), norm);
    v = bend(g, v, smooth);
  }
  v = g.activation(g.dense(g.flatten(v), {5}, "d"), Activation::softmax, "softmax");
  return {std::move(g), v};
}

// Pictures that change at random, while they are gathered and between convolutions that want zeros
// around them. `smooth`: every draw is the same, so that steps can be compared.
inline Net augmented_net(bool smooth = false) {
  const AugmentOptions steady{
      .padding = {1, 0}, .crop = Size2{11, 8}, .scale_low = 1.3, .scale_high = 1.3, .fill = 0.5f};
  const AugmentOptions free{.shift = {1, 2},
                            .padding = {1, 1},
                            .crop = Size2{8, 9},
                            .horizontal_flip = true,
                            .rotation = 20.0,
                            .scale_low = 0.8,
                            .scale_high = 1.25,
                            .brightness = 0.5f,
                            .fill = -0.25f};
  Graph g({9, 8, 2});
  ValueId v = g.rescale(g.input(), {0.7f, 0.1f}, "scale");
  v = g.augment(v, smooth ? steady : free, "vary");
  v = bend(g, g.conv2d(v, conv(4, {3, 3}, same()), "a"), smooth);
  v = g.augment(v, smooth ? AugmentOptions{.scale_low = 0.7, .scale_high = 0.7} : free, "again");
  v = bend(g, g.conv2d(v, conv(3, {3, 3}, same()), "b"), smooth);
  v = g.avg_pool2d(v, {{2, 2}, {2, 2}, {}});
  v = g.activation(g.dense(g.flatten(v), {5}, "d"), Activation::softmax, "softmax");
  return {std::move(g), v};
}

// A network with several outputs.
struct Nets {
  Graph graph;
  std::vector<ValueId> outputs;
};

// Two inputs, two outputs: five classes, and a picture that a convolution reads as well.
inline Nets two_headed_net(bool smooth = false) {
  Graph g({6, 5, 2});
  const ValueId numbers = g.add_input({4}, "numbers");
  const ValueId trunk =
      bend(g, normalized_conv(g, g.input(), conv(3, {3, 3}, same()), "trunk"), smooth);
  const ValueId picture = g.conv2d(trunk, conv(2, {3, 3}, same()), "picture");
  const ValueId after =
      bend(g, g.conv2d(picture, conv(2, {3, 3}, same(), {2, 2}), "after"), smooth);
  const ValueId side = bend(g, g.dense(numbers, {6}, "side"), smooth);
  ValueId v = g.dense(g.concat({g.flatten(after), side}), {5}, "classes");
  v = g.activation(v, Activation::softmax, "softmax");
  return {std::move(g), {v, picture}};
}

inline CompileOptions two_losses(SgdOptions optimizer = {}) {
  return {{{"sparse_categorical_crossentropy", false, 0.75f, {1, 2}},
           {"mean_squared_error", false, 0.5f, {}}},
          optimizer};
}

struct Lists {
  Tensors x, y;
};

inline Lists data_for_two_heads(std::int64_t count) {
  return {{random_floats({count, 6, 5, 2}, 1), random_floats({count, 4}, 2)},
          {random_labels(count, 5, 3), random_floats({count, 6, 5, 2}, 4)}};
}

inline Lists rows(const Lists& data, std::int64_t first, std::int64_t count) {
  Lists part;
  for (const Tensor& t : data.x) part.x.push_back(rows(t, first, count));
  for (const Tensor& t : data.y) part.y.push_back(rows(t, first, count));
  return part;
}

}  // namespace pycnn::test
