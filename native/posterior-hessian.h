// The second derivative of each row's NLL in z, without a pass over the vocabulary for every direction of z.
//
// With J_t = dh_t/dz, carried forward through the LSTM along with h_t, the output layer's share is
//   sum_t sum_v p_v (w_v J_t)'(w_v J_t) - q_t' q_t,  q_t = sum_v p_v w_v J_t:
// only J meets the vocabulary. The LSTM's own share needs no further product with its kernel: apart from its cells it
// is linear, so it is the cells' second derivatives, weighted with what dNLL/dh_t and dNLL/dc_t are anyway after one
// backward pass, in the directions of the tangents.
#pragma once

#include <napi.h>

#include "latent.h"

namespace sri {

/** The Hessian of a run of rows of a LatentPass that has kept its adjoints. */
class HessianPass {
 public:
  HessianPass(const RecurrentWeights& recurrent, const VocabularyWeights& vocabulary, const LatentContext& context,
              const LatentPass<float>& base, int baseRows, int rows, Workspace& workspace);

  /** hessian `[rows, Z, Z]` of rows `first`, `first` + 1, ... of the base pass. Called by every worker of a region. */
  void run(const Worker& worker, int first, float* hessian) const;

 private:
  /** One part's tangents of one step: from the products to J_t, adding the cells' curvature. */
  void cells(const Worker& worker, std::size_t part, int first, int t, float* tokens, float* grams) const;
  void vocabulary(const Worker& worker, int first, int firstStep, int steps, const float* tokens, float* grams) const;
  void meanLogitTangents(const Worker& worker, int first, int t, float* grams) const;

  float* hiddenTangents(int t) const { return hiddenTangents_[t & 1]; }
  std::size_t gramSize() const { return static_cast<std::size_t>(context_.latentSize) * context_.latentSize; }

  const RecurrentWeights& recurrent_;
  const VocabularyWeights& vocabulary_;
  const LatentContext& context_;
  const LatentPass<float>& base_;
  int baseRows_;
  int rows_;
  /** Steps whose tokens go to the vocabulary together. */
  int blockSteps_;
  /** Tokens that are one product's rows, each with its Z tangents and the state itself. */
  int groupTokens_;
  std::vector<const Product*> recurrentProducts_;
  /** By the number of tokens, for a full tile of words and for the last. */
  std::vector<const Product*> vocabularyProducts_[2];
  /** Of each part. */
  std::vector<float*> gateTangents_;
  std::vector<float*> cellTangents_;
  /** c_0 `[H]`. */
  float* zeros_;
  /** dh_t/dz `[rows, Z, H]` of the last two steps. */
  float* hiddenTangents_[2];
  /** What meets the vocabulary, `[steps, rows, Z + 1, H]`: masked tangents, then the masked state; of two blocks. */
  float* tokens_[2];
  /** Of each thread. */
  std::vector<float*> grams_;
  std::vector<float*> scratch_;
};

void definePosteriorHessian(Napi::Object& exports);

}  // namespace sri
