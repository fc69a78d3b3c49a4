#include "ops/conv2d.h"
#include "ops/dense.h"
#include "ops/cpu/simd.h"
namespace pycnn::cpu::PYCNN_ISA {
namespace {
void fwd(Team& t, const Conv2dGeometry& g, ConstChannelView x, const float* k, const float* b, bool r, ChannelView y) {
  Share s = share(t, x.images);
  for (auto n = s.begin; n < s.end; ++n) for (int h = 0; h < g.out_height; ++h) for (int w = 0; w < g.out_width; ++w) for (int o = 0; o < g.out_channels; ++o) {
    float a = b ? b[o] : 0;
    for (int i = 0; i < g.kernel_height; ++i) for (int j = 0; j < g.kernel_width; ++j) for (int c = 0; c < g.in_channels; ++c)
      a += x.at(n, h * g.stride_height + i * g.dilation_height - g.pad_top, w * g.stride_width + j * g.dilation_width - g.pad_left)[c] * k[((i * g.kernel_width + j) * g.in_channels + c) * g.out_channels + o];
    y.at(n, h, w)[o] = r && a < 0 ? 0 : a;
  }
}
void fwdp(Team& t, const Conv2dGeometry& g, ConstChannelView x, const float* k, const float* b, bool r, ChannelView y, ChannelCodes code) {
  Share s = share(t, x.images);
  for (auto n = s.begin; n < s.end; ++n) for (int h = 0; h < y.height; ++h) for (int w = 0; w < y.width; ++w) for (int o = 0; o < g.out_channels; ++o) {
    float best = 0; int place = 0;
    for (int p = 0; p < 4; ++p) {
      float a = b ? b[o] : 0;
      for (int i = 0; i < g.kernel_height; ++i) for (int j = 0; j < g.kernel_width; ++j) for (int c = 0; c < g.in_channels; ++c)
        a += x.at(n, (2 * h + p / 2) * g.stride_height + i - g.pad_top, (2 * w + p % 2) * g.stride_width + j - g.pad_left)[c] * k[((i * g.kernel_width + j) * g.in_channels + c) * g.out_channels + o];
      if (p == 0 || a > best || a != a) { best = a; place = p; }
    }
    if (r && !(best > 0)) place = 4;
    y.at(n, h, w)[o] = r && best < 0 ? 0 : best;
    code.at(n, h, w)[o] = place;
  }
}
void bin(Team& t, const Conv2dGeometry& g, ConstChannelView dz, const float* k, float*, ChannelView dx) {
  Share s = share(t, dz.images);
  for (auto n = s.begin; n < s.end; ++n) {
    for (int h = 0; h < g.in_height; ++h) for (int w = 0; w < g.in_width; ++w) for (int c = 0; c < g.in_channels; ++c) {
      float a = 0;
      for (int i = 0; i < g.kernel_height; ++i) for (int j = 0; j < g.kernel_width; ++j) {
        int oh = h + g.pad_top - i * g.dilation_height, ow = w + g.pad_left - j * g.dilation_width;
        if (oh < 0 || ow < 0 || oh % g.stride_height || ow % g.stride_width) continue;
        oh /= g.stride_height; ow /= g.stride_width;
        if (oh >= g.out_height || ow >= g.out_width) continue;
        for (int o = 0; o < g.out_channels; ++o) a += dz.at(n, oh, ow)[o] * k[((i * g.kernel_width + j) * g.in_channels + c) * g.out_channels + o];
      }
      dx.at(n, h, w)[c] = a;
    }
  }
}
void bpar(Team& t, const Conv2dGeometry& g, ConstChannelView x, ConstChannelView dz, bool acc, float*, float* dk, float* db) {
  if (t.index()) return;
  for (int o = 0; o < g.out_channels; ++o) {
    for (int i = 0; i < g.kernel_height; ++i) for (int j = 0; j < g.kernel_width; ++j) for (int c = 0; c < g.in_channels; ++c) {
      float a = 0;
      for (int n = 0; n < x.images; ++n) for (int h = 0; h < g.out_height; ++h) for (int w = 0; w < g.out_width; ++w)
        a += x.at(n, h * g.stride_height + i * g.dilation_height - g.pad_top, w * g.stride_width + j * g.dilation_width - g.pad_left)[c] * dz.at(n, h, w)[o];
      float& to = dk[((i * g.kernel_width + j) * g.in_channels + c) * g.out_channels + o];
      to = acc ? to + a : a;
    }
    if (db) { float a = 0; for (int n = 0; n < x.images; ++n) for (int h = 0; h < g.out_height; ++h) for (int w = 0; w < g.out_width; ++w) a += dz.at(n, h, w)[o]; db[o] = acc ? db[o] + a : a; }
  }
}
std::int64_t none(const Conv2dGeometry&, int) { return 0; }
void df(Team& t, DenseGeometry g, ConstChannelView x, const float* k, const float* b, bool r, float*, ChannelView y) {
  Share s = share(t, x.images);
  for (auto n = s.begin; n < s.end; ++n) for (int o = 0; o < g.outputs; ++o) { float a = b ? b[o] : 0; for (int i = 0; i < g.inputs; ++i) a += (x.data + n * x.image)[i] * k[i * g.outputs + o]; (y.data + n * y.image)[o] = r && a < 0 ? 0 : a; }
}
void dbi(Team& t, DenseGeometry g, ConstChannelView dz, const float* k, float*, ChannelView dx) {
  Share s = share(t, dz.images);
  for (auto n = s.begin; n < s.end; ++n) for (int i = 0; i < g.inputs; ++i) { float a = 0; for (int o = 0; o < g.outputs; ++o) a += (dz.data + n * dz.image)[o] * k[i * g.outputs + o]; (dx.data + n * dx.image)[i] = a; }
}
void dbp(Team& t, DenseGeometry g, ConstChannelView x, ConstChannelView dz, bool acc, float*, float* dk, float* db) {
  if (t.index()) return;
  for (int i = 0; i < g.inputs; ++i) for (int o = 0; o < g.outputs; ++o) { float a = 0; for (int n = 0; n < x.images; ++n) a += (x.data + n * x.image)[i] * (dz.data + n * dz.image)[o]; dk[i * g.outputs + o] = acc ? dk[i * g.outputs + o] + a : a; }
  if (db) for (int o = 0; o < g.outputs; ++o) { float a = 0; for (int n = 0; n < x.images; ++n) a += (dz.data + n * dz.image)[o]; db[o] = acc ? db[o] + a : a; }
}
std::int64_t dnone(DenseGeometry, int) { return 0; }
}
extern const Conv2dChannelKernels conv2d_channel_kernels;
const Conv2dChannelKernels conv2d_channel_kernels{fwd, fwdp, bin, none, bpar, none};
extern const DenseChannelKernels dense_channel_kernels;
const DenseChannelKernels dense_channel_kernels{df, dnone, dbi, dnone, dbp, dnone};
}
