// LeNet-5 (LeCun et al., 1998) in C++: the network, the training and the numbers of
// examples/train_lenet5.py, without Python.
//
//   train_lenet5 [FOLDER] [--epochs N] [--seed N] [--target ACCURACY] [--losses FILE] [--dump FILE]
//
// FOLDER holds MNIST's four files, unpacked; without it the program makes pictures of its own.
// --losses writes the mean loss of the epoch so far after each step, --dump all weights in layer
// order as raw float32.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

#include "digits.h"
#include "runtime/network.h"
#include "runtime/trainer.h"

using namespace pycnn;

namespace {

constexpr std::int64_t kBatch = 64;
constexpr double kPeakRate = 0.05;
constexpr double kPi = 3.14159265358979323846;

struct Options {
  std::string folder, losses, dump;
  int epochs = 3;
  std::uint64_t seed = 0;
  double target = 0.0;
};

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.rfind("--", 0) != 0) {
      o.folder = word;
      continue;
    }
    if (i + 1 == argc) throw std::runtime_error(word + " needs a value");
    const std::string value = argv[++i];
    if (word == "--epochs") {
      o.epochs = std::stoi(value);
    } else if (word == "--seed") {
      o.seed = std::stoull(value);
    } else if (word == "--target") {
      o.target = std::stod(value);
      if (!std::isfinite(o.target)) throw std::runtime_error("--target must be a number");
    } else if (word == "--losses") {
      o.losses = value;
    } else if (word == "--dump") {
      o.dump = value;
    } else {
      throw std::runtime_error("unknown option " + word);
    }
  }
  return o;
}

// The layers; their output is the ten probabilities.
ValueId lenet5(Graph& g) {
  const Padding same = Padding::parse("same", "lenet5");
  const MaxPool2dOptions halve{{2, 2}, {2, 2}, {}};
  ValueId v = g.rescale(g.input(), {1.0f / 255.0f, 0.0f}, "scale");
  v = g.conv2d(v, {6, {5, 5}, {1, 1}, same, true}, "conv1");
  v = g.max_pool2d(g.activation(v, Activation::relu, "relu1"), halve, "pool1");
  v = g.conv2d(v, {16, {5, 5}, {1, 1}, {}, true}, "conv2");
  v = g.max_pool2d(g.activation(v, Activation::relu, "relu2"), halve, "pool2");
  v = g.flatten(v, "flatten");
  v = g.activation(g.dense(v, {120}, "dense1"), Activation::relu, "relu3");
  v = g.activation(g.dense(v, {84}, "dense2"), Activation::relu, "relu4");
  return g.activation(g.dense(v, {10}, "dense3"), Activation::softmax, "softmax");
}

// One cycle of the learning rate: up in three tenths of the steps, then down along a cosine.
std::vector<float> one_cycle(std::int64_t steps) {
  const std::int64_t warm_up = steps * 3 / 10;
  std::vector<float> rates;
  for (std::int64_t s = 0; s < steps; ++s) {
    const double share =
        s < warm_up ? 0.04 + 0.96 * double(s) / double(warm_up)
                    : (1.0 + std::cos(kPi * double(s - warm_up) / double(steps - warm_up))) / 2;
    rates.push_back(static_cast<float>(kPeakRate * share));
  }
  return rates;
}

void train(Network& network, const Digits& digits, const Options& o) {
  Trainer trainer(network, digits.images, digits.labels, kBatch, true);
  const std::int64_t steps = trainer.steps_per_epoch();
  const std::vector<float> rates = one_cycle(o.epochs * steps);
  std::ofstream losses(o.losses);  // writes nothing when there is no name
  losses.precision(17);
  for (int epoch = 0; epoch < o.epochs; ++epoch) {
    trainer.start_epoch();
    Progress p;
    while (!p.done) {
      p = trainer.run(&rates[static_cast<std::size_t>(epoch * steps + p.step)], 1, 1.0);
      losses << p.loss() << '\n';
    }
    std::printf("epoch %d/%d: loss %.4f, accuracy %.4f\n", epoch + 1, o.epochs, p.loss(),
                double(p.hits[0]) / double(p.images));
  }
}

void dump(const Network& network, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  for (ParameterId p = 0; p < static_cast<ParameterId>(network.graph().parameters().size()); ++p) {
    const Tensor w = network.get_parameter(p);
    file.write(static_cast<const char*>(w.raw_data()), static_cast<std::streamsize>(w.nbytes()));
  }
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

int run(const Options& o) {
  const bool real = !o.folder.empty();
  const Digits digits = real ? read_mnist(o.folder, "train") : make_pictures(0, 2000);
  const Digits test = real ? read_mnist(o.folder, "t10k") : make_pictures(2000, 500);
  Graph graph({28, 28, 1});
  const ValueId output = lenet5(graph);
  Network network(graph, output, o.seed);
  network.compile({.outputs = {{.loss = "sparse_categorical_crossentropy", .top_k = {1}}},
                   .optimizer = SgdOptions{.momentum = 0.9f, .nesterov = true}});
  train(network, digits, o);
  const Totals totals = network.evaluate(test.images, test.labels, 1000);
  const double accuracy = double(totals.hits[0]) / double(totals.images);
  std::printf("test: loss %.4f, accuracy %.4f\n", totals.loss(), accuracy);
  if (!o.dump.empty()) dump(network, o.dump);
  return accuracy < o.target ? EXIT_FAILURE : EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "train_lenet5: %s\n", e.what());
    return EXIT_FAILURE;
  }
}
