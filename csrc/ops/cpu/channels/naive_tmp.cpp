#include "ops/conv2d.h"
#include "ops/dense.h"
#include "ops/cpu/simd.h"
namespace pycnn::cpu::PYCNN_ISA {
namespace {
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
extern const DenseChannelKernels dense_channel_kernels;
const DenseChannelKernels dense_channel_kernels{df, dnone, dbi, dnone, dbp, dnone};
}
