// A product of two plain matrices that both change from call to call, on all threads.
#pragma once

#include "product.h"
#include "workspace.h"

namespace sri {

/** out `[m, n]` = a b, or out += a b; a `[m, k]`, `[k, m]` if transposed, b `[k, n]`, `[n, k]`. */
struct MatrixProduct {
  int m;
  int n;
  int k;
  bool transposeA;
  bool transposeB;
  bool accumulate;

  /**
   * In bf16 both operands are rounded, and the sums are of f32. Call outside of parallel regions.
   * @throws std::runtime_error where oneDNN fails.
   */
  void run(Precision precision, const float* a, const float* b, float* out, Workspace& workspace) const;

 private:
  void runRounded(const float* a, const float* b, float* out, Workspace& workspace) const;
};

}  // namespace sri
