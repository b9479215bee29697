// The addon's entry: every operation under its JavaScript name. What they take is typed and documented in
// src/backends/native/addon.ts.

#include <dnnl.hpp>
#include <string>

#include "arguments.h"
#include "context.h"
#include "handles.h"
#include "latent.h"
#include "lstm.h"
#include "posterior-hessian.h"
#include "product.h"
#include "small-operations.h"
#include "token-nll.h"

namespace sri {

namespace {

Napi::Value information(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const dnnl_version_t* version = dnnl_version();
  const Napi::Array sets = Napi::Array::New(env);
  const auto add = [&](const char* name) { sets.Set(sets.Length(), Napi::String::New(env, name)); };
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) add("avx2");
  if (__builtin_cpu_supports("fma")) add("fma");
  if (__builtin_cpu_supports("avx512f")) add("avx512f");
  if (__builtin_cpu_supports("avx512vnni")) add("avx512vnni");
  if (processorHasBFloat16()) add("avx512bf16");
  if ((dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx) add("amx");
#elif defined(__aarch64__)
  add("neon");
#endif
  const Napi::Object result = Napi::Object::New(env);
  result.Set("oneDnn", std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                           std::to_string(version->patch));
  result.Set("instructionSets", sets);
  int threads = 0;
  compute([&] { threads = threadCount(); });
  result.Set("threads", threads);
  result.Set("bf16", processorHasBFloat16());
  return result;
}

void setThreads(const Napi::CallbackInfo& info) {
  const int threads = wholeNumberOf(info[0], "threads", 1, 1024);
  compute([&] { setThreadCount(threads); });
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  compute([] { setThreadCount(threadCount()); });
  define(exports, "info", information);
  define(exports, "setThreads", setThreads);
  defineHandles(env, exports);
  defineMatMul(exports);
  defineLstm(exports);
  defineTokenNll(exports);
  defineLatent(exports);
  definePosteriorHessian(exports);
  defineEmbedding(exports);
  defineOptimizers(exports);
  defineDropoutMask(exports);
  defineScale(exports);
  return exports;
}

}  // namespace

}  // namespace sri

static Napi::Object initializeAddon(Napi::Env env, Napi::Object exports) { return sri::initialize(env, exports); }

NODE_API_MODULE(sri_native, initializeAddon)
