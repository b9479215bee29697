// Sums of products of rows with rows, out[d][e] += sum_k x[d][k] y[e][k], for a few dozen long rows: what second
// derivatives are made of. Only d <= e is computed, for matrices that are known to be symmetric.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace sri {

/** Numbers that a vector register holds. */
#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

inline Lanes loadLanes(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

/** The first `count` lanes, zeros behind them. */
inline Lanes loadLanes(const float* from, int count) {
  Lanes lanes = {};
  std::memcpy(&lanes, from, count * sizeof(float));
  return lanes;
}

/** Keeps a value in its register: left to itself GCC reads it from memory again at every use. */
inline Lanes held(Lanes lanes) {
#if defined(__x86_64__)
  asm("" : "+v"(lanes));
#elif defined(__aarch64__)
  asm("" : "+w"(lanes));
#endif
  return lanes;
}

inline float sumOfLanes(Lanes lanes) {
  float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < kLanes; i++) sum += lanes[i];
  return sum;
}

/**
 * Adds the upper triangle of x y' to out `[rows, rows]`, for x and y `[rows, length]` with rows `strideX` and `strideY`
 * apart. Below the diagonal `out` is left undefined.
 */
inline void addUpperGram(const float* x, std::size_t strideX, const float* y, std::size_t strideY, int rows, int length,
                         float* out) {
  // As many sums at once as the registers hold.
  constexpr int kDown = 4;
  constexpr int kAcross = kLanes == 8 ? 2 : 4;
  const int whole = length / kLanes * kLanes;
  for (int d = 0; d < rows; d += kDown) {
    for (int e = d / kAcross * kAcross; e < rows; e += kAcross) {
      const float* xs[kDown];
      const float* ys[kAcross];
      for (int i = 0; i < kDown; i++) xs[i] = x + std::min(d + i, rows - 1) * strideX;
      for (int j = 0; j < kAcross; j++) ys[j] = y + std::min(e + j, rows - 1) * strideY;
      Lanes sums[kDown][kAcross] = {};
      const auto add = [&](auto load) {
        Lanes right[kAcross];
        for (int j = 0; j < kAcross; j++) right[j] = held(load(ys[j]));
        for (int i = 0; i < kDown; i++) {
          const Lanes left = held(load(xs[i]));
          for (int j = 0; j < kAcross; j++) sums[i][j] += left * right[j];
        }
      };
      for (int k = 0; k < whole; k += kLanes) add([k](const float* row) { return loadLanes(row + k); });
      if (whole < length) add([=](const float* row) { return loadLanes(row + whole, length - whole); });
      for (int i = 0; i < std::min(kDown, rows - d); i++) {
        for (int j = 0; j < std::min(kAcross, rows - e); j++) {
          out[static_cast<std::size_t>(d + i) * rows + e + j] += sumOfLanes(sums[i][j]);
        }
      }
    }
  }
}

}  // namespace sri
