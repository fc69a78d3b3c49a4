// Layers that the host program computes: the batch goes there and back, and the stream waits.

#include "cuda/device_guard.h"
#include "cuda/error.h"
#include "runtime/cuda/batch_runner.h"
#include "runtime/host_layer.h"

namespace pycnn::cuda {
namespace {

void copy(void* to, const void* from, std::int64_t floats, cudaMemcpyKind kind, Stream stream) {
  check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(floats) * sizeof(float), kind, stream),
        "copying between the GPU and a Python layer");
  check(cudaStreamSynchronize(stream), "copying between the GPU and a Python layer");
}

}  // namespace

Tensor BatchRunner::download(BufferId from, const Shape& image_shape) const {
  Shape shape = image_shape;
  shape.insert(shape.begin(), count_);
  Tensor images(shape);
  copy(images.data<float>(), floats(from), images.size(), cudaMemcpyDeviceToHost, stream_);
  return images;
}

void BatchRunner::upload(BufferId to, const Tensor& images) const {
  copy(floats(to), images.data<float>(), images.size(), cudaMemcpyHostToDevice, stream_);
}

std::vector<Tensor> BatchRunner::host_weights(const Node& node) const {
  std::vector<Tensor> weights;
  for (ParameterId id : node.parameters) {
    Tensor w(graph_.parameters()[static_cast<std::size_t>(id)].shape);
    copy(w.data<float>(), weights_.at(id), w.size(), cudaMemcpyDeviceToHost, stream_);
    weights.push_back(std::move(w));
  }
  return weights;
}

void BatchRunner::run(const HostForward& i) {
  const Node& node = graph_.nodes()[static_cast<std::size_t>(i.node)];
  const Tensor x = download(i.x, graph_.shape(node.input()));
  const std::vector<Tensor> weights = host_weights(node);
  const Tensor y = [&] {
    const CallersDevice callers;
    return std::get<HostOptions>(node.options).layer->forward(x, weights, is_training(plan_.kind));
  }();
  check_host_output(graph_, node, count_, y);
  upload(i.y, y);
}

void BatchRunner::run(const HostBackward& i) {
  const Node& node = graph_.nodes()[static_cast<std::size_t>(i.node)];
  const Tensor dy = download(i.dy, graph_.shape(node.output));
  const std::vector<Tensor> weights = host_weights(node);
  const auto gradients = [&] {
    const CallersDevice callers;
    return std::get<HostOptions>(node.options).layer->backward(dy, weights);
  }();
  check_host_gradients(graph_, node, count_, gradients);
  if (i.dx >= 0) upload(i.dx, gradients.input);
  for (std::size_t p = 0; p < node.parameters.size(); ++p) {
    const Tensor& g = gradients.weights[p];
    copy(gradient(node.parameters[p]), g.data<float>(), g.size(), cudaMemcpyHostToDevice, stream_);
  }
}

}  // namespace pycnn::cuda
