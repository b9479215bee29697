// NLL(z) of a batch of sentences as a function of z alone: its value, its gradient, and the short run of Langevin steps
// made of them (eq. 7 of Pang, Nijkamp, Han and Wu, EACL 2021). A gradient to a parameter is formed only where a short
// run is asked for the sum of those along its way.
//
// Shapes: T tokens, B sentences, R rows of z (row r belongs to sentence r % B), Z latent, H hidden, V vocabulary.
#pragma once

#include <napi.h>

#include "arguments.h"
#include "lstm.h"
#include "token-nll.h"
#include "weights.h"

namespace sri {

/** What does not depend on z; see LatentContext in addon.ts. */
struct LatentContext {
  LatentContext(const Napi::Value& value, const RecurrentWeights& recurrent, const VocabularyWeights& vocabulary);

  int tokens;
  int batch;
  int latentSize;
  int hiddenSize;
  const float* wordGates;
  const float* outputMask;
  const std::int32_t* targets;
  const float* latentKernel;
  const float* initialKernel;
  const float* initialBias;
  const float* outputKernel;
  const float* outputBias;
};

/** The kernels that z and its gradient are multiplied with, packed. */
struct LatentWeights {
  LatentWeights(int latentSize, int hiddenSize);
  void pack(const LatentContext& context);

  int latentSize;
  int hiddenSize;
  PackedMatrix gates;
  PackedMatrix initial;
  PackedMatrix gatesBack;
  PackedMatrix initialBack;

  /** Those of a batch, in buffers that are kept from call to call. */
  static const LatentWeights& of(const LatentContext& batch);
};

/** Sums of gradients of NLL, to be added to: in what of a context has weights behind it, and in the packed kernels. */
struct ContextGradient {
  ContextGradient(const Napi::Value& value, const LatentContext& context, int vocabularySize);

  float* wordGates;
  float* latentKernel;
  float* initialKernel;
  float* initialBias;
  float* recurrentKernel;
  float* outputKernel;
  float* outputBias;
};

/** How much of the backward pass is wanted. */
enum class Wanted {
  nll,
  gradient,
  /** The gradient, and what the Hessian needs of the states along the way. */
  adjoints,
  /** The gradient, and where a weight says so that in everything else. */
  parameters,
};

/** The pass for a fixed number of rows; `run` as often as wanted. */
template <class Operand>
class LatentPass {
 public:
  LatentPass(const RecurrentWeights& recurrent, const VocabularyWeights& vocabulary, const LatentContext& context,
             int rows, Wanted wanted, Workspace& workspace);

  /**
   * nll `[R]` and gradient `[R, Z]` (null where not wanted) at z `[R, Z]`. Called by every worker of a region, which
   * reads and writes its own rows of the three, those of `forOwnRows`, and no others.
   *
   * @param weight with which the gradient in the output layer is added to what `sumInto` named; 0 for none of it.
   */
  void run(const Worker& worker, const float* z, float* nll, float* gradient, float weight = 0.0f) const;

  /** For `Wanted::parameters`: where gradients are summed. */
  void sumInto(const ContextGradient& sums);

  /**
   * Adds `weight` times the gradient in all but the output layer, of the rows' sum of NLL at the z of the last `run`.
   * Called outside of parallel regions.
   */
  void addRecurrence(const float* z, float weight, const ContextGradient& sums) const;

  template <class Body>
  void forOwnRows(const Worker& worker, const Body& body) const {
    worker.forShares(rows_, shares_, [&](Range rows) {
      if (rows.size() > 0) body(rows);
    });
  }

  const LstmForward<Operand>& forward() const { return forward_; }
  const LstmBackward<Operand>& backward() const { return backward_; }
  const TokenNll<Operand>& output() const { return output_; }

 private:
  struct Products {
    const Product* gates;
    const Product* initial;
    const Product* gatesBack;
    const Product* initialBack;
  };

  void project(const Worker& worker, const float* z) const;
  const Products& productsFor(Range rows) const { return products_[rows.size() != rows_ / shares_]; }

  const LatentContext& context_;
  const LatentWeights& latent_;
  int rows_;
  int shares_;
  Wanted wanted_;
  LstmForward<Operand> forward_;
  TokenNll<Operand> output_;
  LstmBackward<Operand> backward_;
  Products products_[2];
  float* latentGates_;
  float* initialSum_;
  Operand* initial_;
  float* tokenNll_;
  float* dGates_;
  float* dInitial_;
  /** In bf16: the states and the gates' gradients once more as floats, for `addRecurrence`. */
  float* floatStates_ = nullptr;
  float* floatGates_ = nullptr;
};

/**
 * Calls `body(begin, count)` for pieces of `rows` rows in order, whole draws of the batch each, few enough to keep
 * `bytesPerRow` times their number small.
 */
template <class Body>
void inPieces(int rows, int batch, std::size_t bytesPerRow, const Body& body) {
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  constexpr std::size_t kRows = 256;
  const std::size_t most = std::min(kRows, kBytes / bytesPerRow);
  const int piece = batch * std::max<int>(1, static_cast<int>(most) / batch);
  for (int begin = 0; begin < rows; begin += piece) body(begin, std::min(piece, rows - begin));
}

/** What every operation on codes is called with: both kinds of weights, the context, and arguments of its own. */
struct LatentCall {
  /** @throws unless they are those, and the arguments' `rows` is a multiple of the context's batch. */
  explicit LatentCall(const Napi::CallbackInfo& info);

  const RecurrentWeights& recurrent;
  const VocabularyWeights& vocabulary;
  LatentContext context;
  Arguments args;
  std::size_t rows;
  std::size_t latentSize;
};

/** Memory that a row's pass takes. */
std::size_t bytesPerRow(const LatentContext& context, Wanted wanted);

void defineLatent(Napi::Object& exports);

}  // namespace sri
