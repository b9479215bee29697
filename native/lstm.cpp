#include "lstm.h"

#include <cstring>

#include "arguments.h"
#include "context.h"
#include "handles.h"
#include "matrix-product.h"
#include "operands.h"

namespace sri {

namespace {

/**
 * One row's units of one step. The four gates of `words`, `latent` and `act` are H apart, those of `product` are
 * `width` apart.
 */
inline void cellForward(int width, int H, const float* product, const float* words, const float* latent,
                        const float* cellBefore, float* cell, float* act, float* hidden) {
#pragma omp simd
  for (int u = 0; u < width; u++) {
    const float i = fastSigmoid(product[u] + words[u] + latent[u]);
    const float f = fastSigmoid(product[width + u] + words[H + u] + latent[H + u]);
    const float g = fastTanh(product[2 * width + u] + words[2 * H + u] + latent[2 * H + u]);
    const float o = fastSigmoid(product[3 * width + u] + words[3 * H + u] + latent[3 * H + u]);
    const float c = f * cellBefore[u] + i * g;
    cell[u] = c;
    act[u] = i;
    act[H + u] = f;
    act[2 * H + u] = g;
    act[3 * H + u] = o;
    hidden[u] = o * fastTanh(c);
  }
}

/** Turns `dHidden` (complete) and `dCell` (from the step after) into the gates' gradients and the dCell before. */
template <class Operand>
inline void cellBackward(int width, int H, const float* dHidden, const float* dHiddenAfter, const float* act,
                         const float* cell, const float* cellBefore, float* dCell, Operand* dGates, float* dSum) {
#pragma omp simd
  for (int u = 0; u < width; u++) {
    const float i = act[u];
    const float f = act[H + u];
    const float g = act[2 * H + u];
    const float o = act[3 * H + u];
    const float tanhC = fastTanh(cell[u]);
    const float dh = dHidden[u] + dHiddenAfter[u];
    const float dc = dh * o * (1.0f - tanhC * tanhC) + dCell[u];
    const float di = dc * g * i * (1.0f - i);
    const float df = dc * cellBefore[u] * f * (1.0f - f);
    const float dg = dc * i * (1.0f - g * g);
    const float dO = dh * tanhC * o * (1.0f - o);
    dCell[u] = dc * f;
    storeOperand(dGates + u, di);
    storeOperand(dGates + H + u, df);
    storeOperand(dGates + 2 * H + u, dg);
    storeOperand(dGates + 3 * H + u, dO);
    dSum[u] += di;
    dSum[H + u] += df;
    dSum[2 * H + u] += dg;
    dSum[3 * H + u] += dO;
  }
}

/** The adjoints of h_t and c_t that `cellBackward` works with, for those who want to see them. */
inline void adjoints(int width, int H, const float* dHidden, const float* dHiddenAfter, const float* act,
                     const float* cell, const float* dCell, float* hiddenAdjoint, float* cellAdjoint) {
#pragma omp simd
  for (int u = 0; u < width; u++) {
    const float tanhC = fastTanh(cell[u]);
    const float dh = dHidden[u] + dHiddenAfter[u];
    hiddenAdjoint[u] = dh;
    cellAdjoint[u] = dh * act[3 * H + u] * (1.0f - tanhC * tanhC) + dCell[u];
  }
}

float* takeZeros(Workspace& workspace, std::size_t count) {
  float* zeros = workspace.take<float>(count);
  std::memset(zeros, 0, count * sizeof(float));
  return zeros;
}

}  // namespace

template <class Operand>
LstmForward<Operand>::LstmForward(const RecurrentWeights& weights, int tokens, int batch, int rows,
                                  Workspace& workspace)
    : weights_(weights), T_(tokens), B_(batch), R_(rows), H_(weights.hiddenSize()) {
  for (const auto& part : weights.parts()) {
    const int width = part->units.size();
    products_.push_back(Product::of({R_, H_, 4 * width, false, false, weights.precision()}));
    gates_.push_back(workspace.take<float>(static_cast<std::size_t>(R_) * 4 * width));
    // A row of h_t before it is rounded, and the activations where nobody keeps them.
    rowBuffers_.push_back(workspace.take<float>(width + std::size_t{4} * H_));
  }
  zeros_ = takeZeros(workspace, std::size_t{4} * H_);
}

template <class Operand>
void LstmForward<Operand>::step(const RecurrentWeights::Part& part, const float* gates, float* rowBuffer, int t) const {
  const int H = H_;
  const int width = part.units.size();
  const int u0 = part.units.begin;
  const std::size_t cellStep = keepsHistory ? static_cast<std::size_t>(R_) * H : 0;
  for (int r = 0; r < R_; r++) {
    const std::size_t word = static_cast<std::size_t>(t) * B_ + r % B_;
    const std::size_t at = (static_cast<std::size_t>(t) * R_ + r) * H + u0;
    float* cell = cells + t * cellStep + static_cast<std::size_t>(r) * H + u0;
    cellForward(width, H, gates + static_cast<std::size_t>(r) * 4 * width, wordGates + word * 4 * H + u0,
                latentGates != nullptr ? latentGates + static_cast<std::size_t>(r) * 4 * H + u0 : zeros_,
                t > 0 ? cell - cellStep : zeros_, cell,
                keepsHistory ? activations + (at - u0) * 4 + u0 : rowBuffer + width, rowBuffer);
    for (int u = 0; u < width; u++) storeOperand(hidden + at + u, rowBuffer[u]);
    if (unrounded != nullptr) std::memcpy(unrounded + at, rowBuffer, width * sizeof(float));
    if (mask != nullptr) {
      const float* maskRow = mask + word * H + u0;
      for (int u = 0; u < width; u++) storeOperand(masked + at + u, rowBuffer[u] * maskRow[u]);
    }
  }
}

template <class Operand>
void LstmForward<Operand>::run(const Worker& worker) const {
  const auto& parts = weights_.parts();
  const std::size_t stepSize = static_cast<std::size_t>(R_) * H_;
  for (int t = 0; t < T_; t++) {
    const Operand* before = t == 0 ? initial : hidden + (t - 1) * stepSize;
    for (std::size_t p = worker.index; p < parts.size(); p += worker.count) {
      if (before != nullptr) {
        products_[p]->run(worker, before, parts[p]->forward, gates_[p]);
      } else {
        std::memset(gates_[p], 0, static_cast<std::size_t>(R_) * 4 * parts[p]->units.size() * sizeof(float));
      }
      step(*parts[p], gates_[p], rowBuffers_[p], t);
    }
    worker.wait();
  }
}

template <class Operand>
LstmBackward<Operand>::LstmBackward(const RecurrentWeights& weights, int tokens, int rows, Workspace& workspace)
    : weights_(weights), T_(tokens), R_(rows), H_(weights.hiddenSize()) {
  for (const auto& part : weights.parts()) {
    const int width = part->units.size();
    products_.push_back(Product::of({R_, 4 * H_, width, false, false, weights.precision()}));
    carries_.push_back(workspace.take<float>(static_cast<std::size_t>(R_) * width * 2));
    unwanted_.push_back(takeZeros(workspace, std::size_t{4} * H_));
  }
  zeros_ = takeZeros(workspace, H_);
}

template <class Operand>
void LstmBackward<Operand>::step(const RecurrentWeights::Part& part, float* carries, float* unwanted, int t) const {
  const int H = H_;
  const int width = part.units.size();
  const int u0 = part.units.begin;
  const std::size_t stepSize = static_cast<std::size_t>(R_) * H;
  Operand* gates = dGates + (t % dGatesSteps) * stepSize * 4;
  for (int r = 0; r < R_; r++) {
    const std::size_t at = t * stepSize + static_cast<std::size_t>(r) * H + u0;
    const float* act = activations + (at - u0) * 4 + u0;
    const float* dHiddenAfter = carries + static_cast<std::size_t>(r) * width;
    float* dCell = carries + (static_cast<std::size_t>(R_) + r) * width;
    const std::size_t row = static_cast<std::size_t>(r) * 4 * H + u0;
    if (cellAdjoints != nullptr) {
      adjoints(width, H, dHidden + at, dHiddenAfter, act, cells + at, dCell, hiddenAdjoints + at, cellAdjoints + at);
    }
    cellBackward(width, H, dHidden + at, dHiddenAfter, act, cells + at, t > 0 ? cells + at - stepSize : zeros_, dCell,
                 gates + row, dLatentGates != nullptr ? dLatentGates + row : unwanted);
  }
}

template <class Operand>
void LstmBackward<Operand>::run(const Worker& worker) const {
  const auto& parts = weights_.parts();
  const std::size_t stepSize = static_cast<std::size_t>(R_) * H_;
  for (std::size_t p = worker.index; p < parts.size(); p += worker.count) {
    const Range& units = parts[p]->units;
    std::memset(carries_[p], 0, static_cast<std::size_t>(R_) * units.size() * 2 * sizeof(float));
    if (dLatentGates == nullptr) continue;
    for (int r = 0; r < 4 * R_; r++) {
      std::memset(dLatentGates + static_cast<std::size_t>(r) * H_ + units.begin, 0, units.size() * sizeof(float));
    }
  }
  for (int t = T_ - 1; t >= 0; t--) {
    for (std::size_t p = worker.index; p < parts.size(); p += worker.count) {
      step(*parts[p], carries_[p], unwanted_[p], t);
    }
    worker.wait();
    if (t == 0 && dInitial == nullptr) return;
    for (std::size_t p = worker.index; p < parts.size(); p += worker.count) {
      products_[p]->run(worker, dGates + (t % dGatesSteps) * stepSize * 4, parts[p]->backward, carries_[p]);
    }
  }
  for (std::size_t p = worker.index; p < parts.size(); p += worker.count) {
    const Range& units = parts[p]->units;
    for (int r = 0; r < R_; r++) {
      std::memcpy(dInitial + static_cast<std::size_t>(r) * H_ + units.begin,
                  carries_[p] + static_cast<std::size_t>(r) * units.size(), units.size() * sizeof(float));
    }
  }
  worker.wait();
}

template struct LstmForward<float>;
template struct LstmForward<BFloat16>;
template struct LstmBackward<float>;
template struct LstmBackward<BFloat16>;

namespace {

void lstmForward(const Napi::CallbackInfo& info) {
  const RecurrentWeights& weights = recurrentOf(info[0]);
  const Arguments args(info[1], "arguments");
  const std::size_t T = args.count("tokens");
  const std::size_t B = args.count("batch");
  const std::size_t R = args.count("rows");
  const std::size_t H = weights.hiddenSize();
  const float* wordGates = args.floats("wordGates", T * B * 4 * H);
  const float* latentGates = args.floatsOrNull("latentGates", R * 4 * H);
  const float* initial = args.floatsOrNull("initial", R * H);
  float* hidden = args.floats("hidden", T * R * H);
  float* cells = args.floats("cells", T * R * H);
  float* activations = args.floats("activations", T * R * 4 * H);
  computeInOperandOf(weights.precision(), [&](auto operand) {
    using Operand = decltype(operand);
    Workspace& workspace = Workspace::fresh();
    LstmForward<Operand> pass(weights, T, B, R, workspace);
    pass.wordGates = wordGates;
    pass.latentGates = latentGates;
    pass.initial = asOperands<Operand>(initial, R * H, workspace);
    pass.hidden = operandsFor<Operand>(hidden, T * R * H, workspace);
    if (weights.precision() != Precision::f32) pass.unrounded = hidden;
    pass.cells = cells;
    pass.activations = activations;
    inParallel([&](const Worker& worker) { pass.run(worker); });
  });
}

/** dKernel `[H, 4H]` = sum_t h_{t-1}' dL/da_t, where h_0 `[R, H]`, or none for zeros, lies apart from the others. */
void sumOverTime(Precision precision, const float* initial, const float* hidden, const float* dGates, int T, int R,
                 int H, float* dKernel, Workspace& workspace) {
  const auto multiply = [&](const float* before, const float* gates, int count, bool accumulate) {
    const MatrixProduct product{H, 4 * H, count, true, false, accumulate};
    product.run(precision, before, gates, dKernel, workspace);
  };
  if (initial != nullptr) {
    multiply(initial, dGates, R, false);
  } else {
    std::memset(dKernel, 0, std::size_t{4} * H * H * sizeof(float));
  }
  if (T > 1) multiply(hidden, dGates + std::size_t{4} * R * H, (T - 1) * R, true);
}

void lstmBackward(const Napi::CallbackInfo& info) {
  const RecurrentWeights& weights = recurrentOf(info[0]);
  const Arguments args(info[1], "arguments");
  const std::size_t T = args.count("tokens");
  const std::size_t R = args.count("rows");
  const std::size_t H = weights.hiddenSize();
  const float* initial = args.floatsOrNull("initial", R * H);
  const float* hidden = args.floats("hidden", T * R * H);
  const float* cells = args.floats("cells", T * R * H);
  const float* activations = args.floats("activations", T * R * 4 * H);
  const float* dHidden = args.floats("dHidden", T * R * H);
  float* dGates = args.floats("dGates", T * R * 4 * H);
  float* dLatentGates = args.floatsOrNull("dLatentGates", R * 4 * H);
  float* dInitial = args.floatsOrNull("dInitial", R * H);
  float* dKernel = args.floatsOrNull("dRecurrentKernel", H * 4 * H);
  computeInOperandOf(weights.precision(), [&](auto operand) {
    using Operand = decltype(operand);
    Workspace& workspace = Workspace::fresh();
    LstmBackward<Operand> pass(weights, T, R, workspace);
    pass.cells = cells;
    pass.activations = activations;
    pass.dHidden = dHidden;
    pass.dGates = operandsFor<Operand>(dGates, T * R * 4 * H, workspace);
    pass.dGatesSteps = static_cast<int>(T);
    pass.dLatentGates = dLatentGates;
    pass.dInitial = dInitial;
    inParallel([&](const Worker& worker) { pass.run(worker); });
    toFloats(pass.dGates, dGates, T * R * 4 * H);
    if (dKernel != nullptr) sumOverTime(weights.precision(), initial, hidden, dGates, T, R, H, dKernel, workspace);
  });
}

}  // namespace

void defineLstm(Napi::Object& exports) {
  define(exports, "lstmForward", lstmForward);
  define(exports, "lstmBackward", lstmBackward);
}

}  // namespace sri
