// Gathers the kernels of this instruction set into one table.

#include "ops/cpu/kernels.h"

namespace pycnn::cpu::PYCNN_ISA {

extern const GatherKernels gather_kernels;
extern const Conv2dKernels conv2d_kernels;
extern const DepthwiseConv2dKernels depthwise_conv2d_kernels;
extern const MaxPool2dKernels max_pool2d_kernels;
extern const AvgPool2dKernels avg_pool2d_kernels;
extern const DenseKernels dense_kernels;
extern const ReluKernels relu_kernels;
extern const SigmoidKernels sigmoid_kernels;
extern const TanhKernels tanh_kernels;
extern const SoftmaxKernels softmax_kernels;
extern const LeakyReluKernels leaky_relu_kernels;
extern const EluKernels elu_kernels;
extern const GeluKernels gelu_kernels;
extern const RescaleKernels rescale_kernels;
extern const AddKernels add_kernels;
extern const ConcatKernels concat_kernels;
extern const BatchNormKernels batch_norm_kernels;
extern const GlobalAvgPool2dKernels global_avg_pool2d_kernels;
extern const GlobalMaxPool2dKernels global_max_pool2d_kernels;
extern const ZeroPad2dKernels zero_pad2d_kernels;
extern const PermuteKernels permute_kernels;
extern const LocalResponseNormKernels local_response_norm_kernels;
extern const DropoutKernels dropout_kernels;
extern const AugmentKernels augment_kernels;
extern const LossKernels loss_kernels;
extern const GradientKernels gradient_kernels;
extern const SgdKernels sgd_kernels;
extern const AdamKernels adam_kernels;
extern const RmspropKernels rmsprop_kernels;
extern const PeakKernels peak_kernels;
extern const GatherChannelKernels gather_channel_kernels;
extern const Conv2dChannelKernels conv2d_channel_kernels;
extern const DenseChannelKernels dense_channel_kernels;
extern const BatchNormChannelKernels batch_norm_channel_kernels;
extern const SoftmaxChannelKernels softmax_channel_kernels;

extern const Kernels kernels;
const Kernels kernels{&gather_kernels,
                      &conv2d_kernels,
                      &depthwise_conv2d_kernels,
                      &max_pool2d_kernels,
                      &avg_pool2d_kernels,
                      &dense_kernels,
                      &relu_kernels,
                      &sigmoid_kernels,
                      &tanh_kernels,
                      &softmax_kernels,
                      &leaky_relu_kernels,
                      &elu_kernels,
                      &gelu_kernels,
                      &rescale_kernels,
                      &add_kernels,
                      &concat_kernels,
                      &batch_norm_kernels,
                      &global_avg_pool2d_kernels,
                      &global_max_pool2d_kernels,
                      &zero_pad2d_kernels,
                      &permute_kernels,
                      &local_response_norm_kernels,
                      &dropout_kernels,
                      &augment_kernels,
                      &loss_kernels,
                      &gradient_kernels,
                      &sgd_kernels,
                      &adam_kernels,
                      &rmsprop_kernels,
                      &peak_kernels,
                      &gather_channel_kernels,
                      &conv2d_channel_kernels,
                      &dense_channel_kernels,
                      &batch_norm_channel_kernels,
                      &softmax_channel_kernels};

}  // namespace pycnn::cpu::PYCNN_ISA
