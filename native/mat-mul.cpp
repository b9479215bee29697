// Plain matrix products on all threads, and how fast products run here at their best: the measure that progress lines
// and benchmarks compare themselves with.

#include <chrono>
#include <cstring>
#include <ctime>

#include "arguments.h"
#include "context.h"
#include "handles.h"
#include "matrix-product.h"
#include "product.h"
#include "small-operations.h"

namespace sri {

namespace {

void matMul(const Napi::CallbackInfo& info) {
  constexpr int kMost = 1 << 30;
  const std::size_t m = wholeNumberOf(info[3], "m", 1, kMost);
  const std::size_t n = wholeNumberOf(info[4], "n", 1, kMost);
  const std::size_t k = wholeNumberOf(info[5], "k", 1, kMost);
  const float* a = floatsOf(info[0], "a", m * k);
  const float* b = floatsOf(info[1], "b", k * n);
  float* out = floatsOf(info[2], "out", m * n);
  const bool transposeA = info[6].ToBoolean();
  const bool transposeB = info[7].ToBoolean();
  const bool accumulate = info[8].ToBoolean();
  const Precision precision = info[9].IsUndefined() ? Precision::f32 : precisionFrom(info[9]);
  const MatrixProduct product{static_cast<int>(m), static_cast<int>(n), static_cast<int>(k),
                              transposeA,          transposeB,          accumulate};
  compute([&] { product.run(precision, a, b, out, Workspace::fresh()); });
}

/** Seconds that the calling thread has computed: what else runs on its core takes none of them. */
double threadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/** Products of matrices on all threads at once, GFLOP/s, at their best: of a machine that has nothing else to do. */
double peakOf(Precision precision) {
  using Clock = std::chrono::steady_clock;
  // As large as a core's own cache holds.
  constexpr int kRows = 192;
  constexpr int kInner = 256;
  constexpr int kColumns = 512;
  const int threads = threadCount();
  const Product* product = Product::of({kRows, kInner, kColumns, false, false, precision});
  std::vector<std::unique_ptr<PackedMatrix>> operands;
  Workspace& workspace = Workspace::fresh();
  // Zeros multiply as fast as anything else.
  constexpr std::size_t kSize = static_cast<std::size_t>(kInner) * kColumns;
  float* zeros = workspace.take<float>(kSize);
  std::memset(zeros, 0, kSize * sizeof(float));
  std::vector<float*> out;
  for (int i = 0; i < threads; i++) {
    operands.push_back(std::make_unique<PackedMatrix>(kInner, kColumns, precision));
    operands.back()->prepare(kColumns, 1);
    operands.back()->pack(zeros, kColumns, 1);
    out.push_back(workspace.take<float>(std::size_t{kRows} * kColumns));
  }
  double best = 0.0;
  const auto start = Clock::now();
  while (std::chrono::duration<double>(Clock::now() - start).count() < 0.3) {
    constexpr int kRepeats = 40;
    std::vector<double> seconds(threads);
    inParallel([&](const Worker& worker) {
      const int i = worker.index;
      product->run(worker, zeros, *operands[i], out[i]);
      worker.wait();
      const double begin = threadSeconds();
      for (int repeat = 0; repeat < kRepeats; repeat++) product->run(worker, zeros, *operands[i], out[i]);
      seconds[i] = threadSeconds() - begin;
    });
    double together = 0.0;
    for (const double own : seconds) together += 2e-9 * kRows * kInner * kColumns * kRepeats / own;
    // Each thread's time is its own, as if it had a core to itself.
    best = std::max(best, together * std::min(1.0, static_cast<double>(omp_get_num_procs()) / threads));
  }
  return best;
}

Napi::Value measurePeak(const Napi::CallbackInfo& info) {
  const Precision precision = precisionFrom(info[0]);
  double best = 0.0;
  compute([&] { best = peakOf(precision); });
  return Napi::Number::New(info.Env(), best);
}

}  // namespace

void defineMatMul(Napi::Object& exports) {
  define(exports, "matMul", matMul);
  define(exports, "measurePeak", measurePeak);
}

}  // namespace sri
