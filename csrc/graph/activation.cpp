#include "graph/activation.h"

#include <cmath>

#include "core/error.h"
#include "core/format.h"

namespace pycnn {

Activation parse_activation(std::string_view name) {
  if (name == "relu") return Activation::relu;
  if (name == "sigmoid") return Activation::sigmoid;
  if (name == "tanh") return Activation::tanh;
  if (name == "softmax") return Activation::softmax;
  if (name == "leaky_relu") return Activation::leaky_relu;
  if (name == "elu") return Activation::elu;
  if (name == "gelu") return Activation::gelu;
  if (name == "gelu_tanh") return Activation::gelu_tanh;
  throw ValueError("unknown activation '" + std::string(name) +
                   "'; known: relu, sigmoid, tanh, softmax, leaky_relu, elu, gelu, gelu_tanh");
}

const char* activation_kind(Activation kind) {
  switch (kind) {
    case Activation::relu:
      return "ReLU";
    case Activation::sigmoid:
      return "Sigmoid";
    case Activation::tanh:
      return "Tanh";
    case Activation::softmax:
      return "Softmax";
    case Activation::leaky_relu:
      return "LeakyReLU";
    case Activation::elu:
      return "ELU";
    case Activation::gelu:
    case Activation::gelu_tanh:
      break;
  }
  return "GELU";
}

float default_parameter(Activation kind) {
  if (kind == Activation::leaky_relu) return 0.2f;
  if (kind == Activation::elu) return 1.0f;
  return 0.0f;
}

void check_activation(const ActivationOptions& options, const std::string& who) {
  if (std::isfinite(options.parameter) && options.parameter >= 0.0f) return;
  const char* name = options.kind == Activation::leaky_relu ? "negative_slope"
                     : options.kind == Activation::elu      ? "alpha"
                                                            : "parameter";
  throw ValueError(who + " " + name + " must be finite and not negative; got " +
                   format(options.parameter));
}

}  // namespace pycnn
