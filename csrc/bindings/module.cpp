#include "bindings/bind.h"

PYBIND11_MODULE(_core, m) {
  using namespace pycnn::bindings;
  m.doc() = "Native core of pycnn: tensors, graphs, plans and their execution.";
  m.attr("__version__") = PYCNN_VERSION;
  m.attr("compiler") = PYCNN_COMPILER;
  bind_errors(m);
  bind_tensor(m);
  bind_graph(m);
  bind_optimizer(m);
  bind_network(m);
  bind_eager(m);
  bind_runtime(m);
}
