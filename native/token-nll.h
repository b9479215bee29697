// The output layer and its cross-entropy, -log softmax(W h + b)[target], a tile of tokens by a tile of words at a time:
// the logits of a tile are computed, turned into exponentials where they lie in the cache, used, and overwritten by the
// next tile's. As in flash attention the largest logit so far stands in for the largest of all and is put right later.
//
// Shapes: N tokens, V words, H hidden units.
#pragma once

#include <napi.h>

#include <cstdint>
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

/** Forward, and the gradient to the hidden states along with it. Threads own tokens. */
template <class Operand>
struct TokenNll {
  TokenNll(const VocabularyWeights& weights, int count, bool wantsGradient, Workspace& workspace);

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

  /** Called by every worker of a region; each writes its own tokens' outputs. */
  void run(const Worker& worker) const;

 private:
  struct Products {
    const Product* forward;
    const Product* backwardFirst;
    const Product* backward;
  };

  void tile(const Worker& worker, Range tokens) const;
  void finish(Range tokens, const float* targetLogits, const float* sums, const float* shifts) const;
  const Products& productsFor(int tokens, int tileWords) const;

  const VocabularyWeights& weights_;
  int N_, H_, V_;
  bool wantsGradient_;
  RowTiles tiles_;
  /** For either number of tokens: of a full tile of words and of the last one. */
  Products products_[2][2];
  std::vector<float*> logits_;
  std::vector<Operand*> exponentials_;
  std::vector<float*> sums_;
};

void defineTokenNll(Napi::Object& exports);

}  // namespace sri
