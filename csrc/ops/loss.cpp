#include "ops/loss.h"

#include "core/error.h"

namespace pycnn {

LossKind parse_loss(std::string_view name) {
  if (name == "softmax_cross_entropy") return LossKind::softmax_cross_entropy;
  if (name == "cross_entropy") return LossKind::cross_entropy;
  if (name == "mean_squared_error") return LossKind::mean_squared_error;
  throw ValueError("[loss] unknown loss '" + std::string(name) +
                   "'; known: softmax_cross_entropy, cross_entropy, mean_squared_error");
}

}  // namespace pycnn
