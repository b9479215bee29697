// Numbers times a number: gradients of a sum, by the million, into those of a mean.

#include "arguments.h"
#include "context.h"
#include "small-operations.h"

namespace sri {

namespace {

void scale(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray()) throw Napi::TypeError::New(info.Env(), "x must be a Float32Array");
  const std::size_t count = info[0].As<Napi::TypedArray>().ElementLength();
  const float* x = floatsOf(info[0], "x", count);
  const float factor = static_cast<float>(numberOf(info[1], "factor"));
  float* out = floatsOf(info[2], "out", count);
  compute([&] {
    inParallel(threadsFor(count), [&](const Worker& worker) {
      const std::size_t begin = count * worker.index / worker.count;
      const std::size_t end = count * (worker.index + 1) / worker.count;
#pragma omp simd
      for (std::size_t i = begin; i < end; i++) out[i] = x[i] * factor;
    });
  });
}

}  // namespace

void defineScale(Napi::Object& exports) { define(exports, "scale", scale); }

}  // namespace sri
