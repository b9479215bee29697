// The LSTM over a whole sequence. Threads own hidden units: each multiplies all of h_{t-1} with its own columns of the
// kernel and then computes its own units of h_t, so one meeting a step is all the coordination there is, and each
// thread's piece of the kernel stays in its cache.
//
// Shapes: T tokens, B sentences, R rows (row r reads the words of sentence r % B), H hidden units; gates stand in the
// order input, forget, candidate, output.
#pragma once

#include <napi.h>

#include <vector>

#include "weights.h"

namespace sri {

/** Operand is the type of the products' left-hand side, float or BFloat16. */
template <class Operand>
struct LstmForward {
  LstmForward(const RecurrentWeights& weights, int tokens, int batch, int rows, Workspace& workspace);

  /** `[T, B, 4H]`. */
  const float* wordGates = nullptr;
  /** `[R, 4H]`, or null. */
  const float* latentGates = nullptr;
  /** h_0 `[R, H]`, or null for zeros. */
  const Operand* initial = nullptr;
  /** `[T, B, H]`, or null. */
  const float* mask = nullptr;
  /** Out: h_t `[T, R, H]`. */
  Operand* hidden = nullptr;
  /** Out: h_t before it became an operand, `[T, R, H]`, or null. */
  float* unrounded = nullptr;
  /** Out: mask * h_t `[T, R, H]`; used where there is a mask. */
  Operand* masked = nullptr;
  /** Out: c_t `[T, R, H]`; `[R, H]` with `keepsHistory` off. */
  float* cells = nullptr;
  /** Out: the gates after their nonlinearities `[T, R, 4H]`; unused with `keepsHistory` off. */
  float* activations = nullptr;
  bool keepsHistory = true;

  /** Called by every worker of a region. On return all of `hidden` is there for all workers. */
  void run(const Worker& worker) const;

 private:
  void step(const RecurrentWeights::Part& part, const float* gates, float* rowBuffer, int t) const;

  const RecurrentWeights& weights_;
  int T_, B_, R_, H_;
  std::vector<const Product*> products_;
  std::vector<float*> gates_;
  std::vector<float*> rowBuffers_;
  float* zeros_;
};

template <class Operand>
struct LstmBackward {
  LstmBackward(const RecurrentWeights& weights, int tokens, int rows, Workspace& workspace);

  /** As LstmForward left them. */
  const float* cells = nullptr;
  const float* activations = nullptr;
  /** dL/dh_t from above `[T, R, H]`. */
  const float* dHidden = nullptr;
  /**
   * Out: dL/da_t, step t at `dGates + (t % dGatesSteps) * R * 4H`; dGatesSteps is T, or 2 where they are not wanted.
   */
  Operand* dGates = nullptr;
  int dGatesSteps = 2;
  /** Out: summed over time `[R, 4H]`, or null. */
  float* dLatentGates = nullptr;
  /** Out: dL/dh_0 `[R, H]`, or null. */
  float* dInitial = nullptr;
  /** Out: dL/dc_t and dL/dh_t with all that comes from later steps, `[T, R, H]`; both or none. */
  float* cellAdjoints = nullptr;
  float* hiddenAdjoints = nullptr;

  /** Called by every worker of a region. On return all outputs are there for all workers. */
  void run(const Worker& worker) const;

 private:
  void step(const RecurrentWeights::Part& part, float* carries, float* unwanted, int t) const;

  const RecurrentWeights& weights_;
  int T_, R_, H_;
  std::vector<const Product*> products_;
  /** Of each part: dL/dh_t from step t + 1 `[R, w]`, then dL/dc_t `[R, w]`. */
  std::vector<float*> carries_;
  std::vector<float*> unwanted_;
  float* zeros_;
};

void defineLstm(Napi::Object& exports);

}  // namespace sri
