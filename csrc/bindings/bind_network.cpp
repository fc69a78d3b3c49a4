#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/bind.h"
#include "bindings/native_call.h"
#include "runtime/default_device.h"
#include "runtime/network.h"
#include "runtime/trainer.h"

namespace pycnn::bindings {
namespace {

using Release = py::call_guard<NativeCall>;
using Rates = py::array_t<float, py::array::c_style | py::array::forcecast>;

void bind_totals(py::module_& m) {
  py::class_<Totals>(m, "Totals", "Loss and hits over a number of images.")
      .def_readonly("images", &Totals::images)
      .def_property_readonly("loss", &Totals::loss, "Mean over the images.")
      .def_property_readonly(
          "output_losses",
          [](const Totals& t) {
            std::vector<double> means = t.output_losses;
            for (double& m : means) m /= static_cast<double>(std::max<std::int64_t>(t.images, 1));
            return means;
          },
          "Mean loss of each output.")
      .def_readonly("hits", &Totals::hits,
                    "Images whose true class is among the top k: for each output, for each k.");
  py::class_<Progress, Totals>(m, "Progress", "Totals since the start of the epoch.")
      .def_readonly("step", &Progress::step)
      .def_readonly("done", &Progress::done);
}

std::unique_ptr<Network> make_network(const Graph& graph, std::vector<ValueId> outputs,
                                      std::uint64_t seed,
                                      const std::optional<std::string>& device) {
  Graph own = graph;  // while nobody can add to it
  const NativeCall call;
  return std::make_unique<Network>(std::move(own), std::move(outputs), seed,
                                   device ? parse_device(*device) : default_device());
}

Totals train_step(Network& n, const Tensors& x, const Tensors& y, float learning_rate) {
  return n.train_step(x, y, learning_rate);
}

std::pair<Tensors, Tensors> backward(Network& n, const Tensors& x, const Tensors& dy,
                                     bool training) {
  Network::Gradients g = n.backward(x, dy, training);
  return {std::move(g.inputs), std::move(g.parameters)};
}

Progress run(Trainer& t, const Rates& learning_rates, double max_seconds) {
  // A copy: the array may change in another thread while the steps run.
  const std::vector<float> rates(learning_rates.data(),
                                 learning_rates.data() + learning_rates.size());
  const NativeCall call;
  return t.run(rates.data(), static_cast<std::int64_t>(rates.size()), max_seconds);
}

}  // namespace

void bind_network(py::module_& m) {
  py::class_<InstructionTime>(m, "InstructionTime", "Of an instruction of a plan.")
      .def_readonly("layer", &InstructionTime::layer)
      .def_readonly("operation", &InstructionTime::operation)
      .def_readonly("seconds", &InstructionTime::seconds, "For all images of the batch.");
  py::class_<OutputOptions>(m, "OutputOptions", "What one output of a network is trained for.")
      .def(py::init<std::string, bool, float, std::vector<int>>(), py::arg("loss"), py::kw_only(),
           py::arg("from_logits") = false, py::arg("weight") = 1.0f,
           py::arg("top_k") = std::vector<int>{});
  bind_totals(m);
  py::class_<Network>(m, "Network",
                      "A graph with weights, optimizer and plans.\n\n"
                      "Calls release the GIL, watch for Ctrl-C and refuse a second thread\n"
                      "(RuntimeError).")
      .def(py::init(&make_network), py::arg("graph"), py::arg("outputs"), py::arg("seed"),
           py::arg("device") = py::none())
      .def_property_readonly("device", [](const Network& n) { return device_name(n.device()); })
      .def(
          "set_device",
          [](Network& n, const std::string& device) { n.set_device(parse_device(device)); },
          py::arg("device"), Release(), "Moves the weights and the optimizer's memory.")
      .def("get_parameter", &Network::get_parameter, py::arg("index"), "A copy of a weight.")
      .def("set_parameter", &Network::set_parameter, py::arg("index"), py::arg("value"))
      .def(
          "compile",
          [](Network& n, std::vector<OutputOptions> outputs, const OptimizerOptions& optimizer) {
            n.compile({std::move(outputs), optimizer});
          },
          py::kw_only(), py::arg("outputs"), py::arg("optimizer"))
      .def("train_step", &train_step, py::arg("x"), py::arg("y"), py::arg("learning_rate"),
           Release(), "One step on all of x and y as one batch.")
      .def("evaluate",
           py::overload_cast<const Tensors&, const Tensors&, std::int64_t>(&Network::evaluate),
           py::arg("x"), py::arg("y"), py::arg("batch_size"), Release())
      .def("predict", py::overload_cast<const Tensors&, std::int64_t, bool>(&Network::predict),
           py::arg("x"), py::arg("batch_size"), py::arg("training") = false, Release(),
           "Outputs of all images; `training`: as the next steps would see the network (dropout,\n"
           "batch statistics), but nothing is learned and no step counted.")
      .def("backward", &backward, py::arg("x"), py::arg("dy"), py::arg("training") = false,
           Release(), "Gradients of sum(output * dy) by the inputs and by every parameter.")
      .def("profile_step", &Network::profile_step, py::arg("x"), py::arg("y"), py::arg("seconds"),
           Release(),
           "How long each instruction of a training step takes on the CPU, without the\n"
           "update: x as one batch, each instruction alone, medians over `seconds`.")
      .def("profile_backward", &Network::profile_backward, py::arg("x"), py::arg("dy"),
           py::arg("seconds"), Release(), "The same for the plan of `backward`.")
      .def("plan_report", &Network::plan_report, Release())
      .def(
          "cpu_lanes",
          [](const Network& n, std::int64_t images) {
            return n.cpu_lanes(images) == Lanes::images ? "images" : "channels";
          },
          py::arg("images"), "What a vector of a CPU step on so many images holds.");
  py::class_<Trainer>(m, "Trainer", "Epochs over a data set in memory: shuffle, gather, step.")
      .def(py::init<Network&, Tensors, const Tensors&, std::int64_t, bool>(),
           py::keep_alive<1, 2>(), py::arg("network"), py::arg("x"), py::arg("y"), py::kw_only(),
           py::arg("batch_size"), py::arg("shuffle") = true)
      .def_property_readonly("steps_per_epoch", &Trainer::steps_per_epoch)
      .def_property_readonly("progress", &Trainer::progress,
                             "What is done so far, also by a run that an exception ended.")
      .def("start_epoch", &Trainer::start_epoch, Release())
      .def("run", &run, py::arg("learning_rates"), py::arg("max_seconds"),
           "Up to len(learning_rates) further steps, fewer after max_seconds.");
}

}  // namespace pycnn::bindings
