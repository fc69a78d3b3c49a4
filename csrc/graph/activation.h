#pragma once
// Activations: any shape in, the same shape out. What they share is their node and instructions;
// each has its formula in ops/<name>.h.

#include <cstdint>
#include <string>
#include <string_view>

namespace pycnn {

enum class Activation : std::uint8_t {
  relu,
  sigmoid,
  tanh,
  softmax,
  leaky_relu,
  elu,
  gelu,
  gelu_tanh  // GELU by its tanh approximation
};

Activation parse_activation(std::string_view name);  // ValueError for an unknown name
const char* activation_kind(Activation kind);        // "ReLU", as users know it

// The parameter where none is given: Keras's defaults of the functions of these names, slope 0.2
// of leaky_relu (its layer LeakyReLU has 0.3) and alpha 1 of elu; the others have none.
float default_parameter(Activation kind);

struct ActivationOptions {
  Activation kind;
  float parameter;  // leaky_relu: slope below 0; elu: alpha; the others do not look at it

  // Implicit, since most activations are their kind and no more.
  ActivationOptions(Activation k) : kind(k), parameter(default_parameter(k)) {}
  ActivationOptions(Activation k, float p) : kind(k), parameter(p) {}
};

// Throws ValueError unless the parameter is finite and not negative: below that, an output would
// no longer tell the sign of its input, which backward goes by.
void check_activation(const ActivationOptions& options, const std::string& who);

// Whether backward reads the activation's input; otherwise it reads its output.
constexpr bool backward_reads_input(Activation kind) {
  return kind == Activation::gelu || kind == Activation::gelu_tanh;
}

}  // namespace pycnn
