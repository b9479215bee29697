// The two kernels that nearly all multiplications are with, packed: cut into pieces, and each piece laid out for the
// product forward and for the product backward. Packed anew after every update.
#pragma once

#include <memory>
#include <vector>

#include "product.h"

namespace sri {

/** The recurrent kernel `[H, 4H]`, cut by hidden units so that each thread's piece stays in its cache. */
class RecurrentWeights {
 public:
  struct Part {
    Part(Range units, int hiddenSize, Precision precision);

    /** The hidden units of this part. */
    Range units;
    /** `[H, 4 w]`: the w units' columns of the input gate, then of the forget gate, the candidate, the output gate. */
    PackedMatrix forward;
    /** `[4H, w]`: from all gates back to this part's units. */
    PackedMatrix backward;
  };

  RecurrentWeights(int hiddenSize, Precision precision);
  void pack(const float* kernel);

  int hiddenSize() const { return hiddenSize_; }
  Precision precision() const { return precision_; }
  bool packed() const { return packed_; }
  const std::vector<std::unique_ptr<Part>>& parts() const { return parts_; }
  int widestPart() const;

 private:
  int hiddenSize_;
  Precision precision_;
  bool packed_ = false;
  int threads_ = 0;
  std::vector<std::unique_ptr<Part>> parts_;
};

/** The output kernel `[V, H]`, cut into tiles of words whose logits, for a tile of tokens, fit into a core's cache. */
class VocabularyWeights {
 public:
  struct Tile {
    Tile(Range words, int hiddenSize, Precision precision);

    Range words;
    /** `[H, w]`: to the logits. */
    PackedMatrix forward;
    /** `[w, H]`: from the logits back. */
    PackedMatrix backward;
  };

  VocabularyWeights(int vocabularySize, int hiddenSize, Precision precision);
  void pack(const float* kernel);

  int vocabularySize() const { return vocabularySize_; }
  int hiddenSize() const { return hiddenSize_; }
  Precision precision() const { return precision_; }
  bool packed() const { return packed_; }
  const std::vector<std::unique_ptr<Tile>>& tiles() const { return tiles_; }
  int widestTile() const { return tiles_.front()->words.size(); }

 private:
  int vocabularySize_;
  int hiddenSize_;
  Precision precision_;
  bool packed_ = false;
  std::vector<std::unique_ptr<Tile>> tiles_;
};

}  // namespace sri
