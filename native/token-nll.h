// The output layer and its cross-entropy, -log softmax(W h + b)[target], a tile of tokens by a tile of words at a time:
// the logits of a tile are computed, turned into exponentials where they lie in the cache, used, and overwritten by the
// next tile's, unless the kernel's gradient needs them once more. As in flash attention the largest logit so far stands
// in for the largest of all and is put right later.
//
// Shapes: N tokens, V words, H hidden units.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "weights.h"

namespace sri {

/**
 * The nearly equal tiles that `count` rows are cut into: at most two sizes, so that few products have to be made, and
 * as many tiles for each worker.
 */
class RowTiles {
 public:
  RowTiles(int count, int workers);

  int count() const { return tiles_; }
  Range operator[](int tile) const { return shareOf(rows_, tile, tiles_); }
  int largest() const { return (rows_ + tiles_ - 1) / tiles_; }
  int smallest() const { return rows_ / tiles_; }

 private:
  int rows_;
  int tiles_;
};

/** What of the gradient TokenNll computes beside the NLL. */
enum class TokenGradient {
  none,
  /** To the hidden states. */
  hidden,
  /** To the hidden states, and to kernel and bias where `weight` asks for it. */
  all,
};

/**
 * Forward, and the gradient along with it. Threads own tokens.
 *
 * The gradient to the kernel, sum_n (p_n - [target_n]) h_n', needs p, and p the sum over all words; so the exponentials
 * of a thread's tile of tokens are kept for the whole vocabulary, and once their sums are known threads own words, and
 * one product with the hidden states, scaled by what the exponentials lack, adds the tile's share. No logit is computed
 * twice.
 */
template <class Operand>
struct TokenNll {
  TokenNll(const VocabularyWeights& weights, int count, TokenGradient wanted, Workspace& workspace);

  /** `[N, H]`. */
  const Operand* hidden = nullptr;
  /** `[V]`. */
  const float* bias = nullptr;
  /** `[N]`. */
  const std::int32_t* targets = nullptr;
  /** Out: `[N]`. */
  float* nll = nullptr;
  /** Out: log sum exp of the logits `[N]`, or null. */
  float* logNormalizer = nullptr;

  /** For the gradient: the kernel `[V, H]` as it is, */
  const float* kernel = nullptr;
  /** a mask `[T, B, H]` for tokens that are T steps of R rows, or null, */
  const float* mask = nullptr;
  int batch = 1;
  int rows = 1;
  /** and, out, mask * dnll_n/dh_n `[N, H]`. */
  float* dHidden = nullptr;
  /** For that to kernel and bias: where `weight` times the sum over n is added, `[V, H]` and `[V]`. */
  float* dKernel = nullptr;
  float* dBias = nullptr;

  /**
   * Called by every worker of a region; each writes its own tokens' outputs, and its own words' of dKernel and dBias.
   * @param weight of the gradient to kernel and bias; 0 for none of it.
   */
  void run(const Worker& worker, float weight = 0.0f) const;

  /** Zeros for dKernel and dBias: of the same words that `run` has this worker add to. */
  void clearKernel(const Worker& worker) const;

 private:
  struct Products {
    const Product* forward;
    const Product* backwardFirst;
    const Product* backward;
    const Product* kernel;
  };

  void tile(const Worker& worker, Range tokens, float weight) const;
  void rescale(Operand* exponentials, int row, Range tokens, int words, float factor) const;
  void packHidden(const Worker& worker, Range tokens) const;
  void addToKernel(const Worker& worker, int round, float weight) const;
  void finish(Range tokens, const float* targetLogits, const float* sums, const float* shifts, float weight) const;
  const Products& productsFor(int tokens, int tileWords) const;

  const VocabularyWeights& weights_;
  int N_, H_, V_;
  TokenGradient wanted_;
  RowTiles tiles_;
  /** For either number of tokens: of a full tile of words and of the last one. */
  Products products_[2][2];
  std::vector<float*> logits_;
  std::vector<Operand*> exponentials_;
  std::vector<float*> sums_;
  /** For the gradient to the kernel: weight / sum of each token's exponentials `[N]`, */
  float* scales_ = nullptr;
  /** and of each thread the hidden states of its tile times those, `[tokens, H]`, packed for either number of tokens.
   */
  std::vector<float*> scaledHidden_;
  std::vector<std::unique_ptr<PackedMatrix>> packedHidden_[2];
};

void defineTokenNll(Napi::Object& exports);

}  // namespace sri
