#include "weights.h"

#include <cstring>

namespace sri {

namespace {

/** Parts begin at multiples of this many units: a cache line, and a vector of the widest kind. */
constexpr int kUnits = 16;

/** Words a tile has at most; times a few hundred tokens of four bytes, half of a megabyte of cache. */
constexpr int kTileWords = 512;

}  // namespace

RecurrentWeights::Part::Part(Range units, int hiddenSize, Precision precision)
    : units(units),
      forward(hiddenSize, 4 * units.size(), precision),
      backward(4 * hiddenSize, units.size(), precision) {
  forward.prepare(4 * units.size(), 1);
  backward.prepare(1, 4 * hiddenSize);
}

RecurrentWeights::RecurrentWeights(int hiddenSize, Precision precision)
    : hiddenSize_(hiddenSize), precision_(precision) {}

int RecurrentWeights::widestPart() const {
  int widest = 0;
  for (const auto& part : parts_) widest = std::max(widest, part->units.size());
  return widest;
}

void RecurrentWeights::pack(const float* kernel) {
  const int H = hiddenSize_;
  if (threads_ != threadCount()) {
    threads_ = threadCount();
    parts_.clear();
    for (int i = 0; i < threads_; i++) {
      const Range units = shareOf(H, i, threads_, kUnits);
      if (units.size() > 0) parts_.push_back(std::make_unique<Part>(units, H, precision_));
    }
  }
  const std::size_t gathered = static_cast<std::size_t>(H) * 4 * widestPart();
  float* buffers = Workspace::fresh().take<float>(gathered * threads_);
  inParallel([&](const Worker& worker) {
    float* columns = buffers + gathered * worker.index;
    for (int i = worker.index; i < static_cast<int>(parts_.size()); i += worker.count) {
      Part& part = *parts_[i];
      const int width = part.units.size();
      for (int k = 0; k < H; k++) {
        for (int gate = 0; gate < 4; gate++) {
          std::memcpy(columns + (static_cast<std::size_t>(k) * 4 + gate) * width,
                      kernel + (static_cast<std::size_t>(k) * 4 + gate) * H + part.units.begin, width * sizeof(float));
        }
      }
      part.forward.pack(columns, 4 * width, 1);
      part.backward.pack(kernel + static_cast<std::size_t>(part.units.begin) * 4 * H, 1, 4 * H);
    }
  });
  packed_ = true;
}

VocabularyWeights::Tile::Tile(Range words, int hiddenSize, Precision precision)
    : words(words), forward(hiddenSize, words.size(), precision), backward(words.size(), hiddenSize, precision) {
  forward.prepare(1, hiddenSize);
  backward.prepare(hiddenSize, 1);
}

VocabularyWeights::VocabularyWeights(int vocabularySize, int hiddenSize, Precision precision)
    : vocabularySize_(vocabularySize), hiddenSize_(hiddenSize), precision_(precision) {
  for (int begin = 0; begin < vocabularySize; begin += kTileWords) {
    const Range words{begin, std::min(begin + kTileWords, vocabularySize)};
    tiles_.push_back(std::make_unique<Tile>(words, hiddenSize, precision));
  }
}

void VocabularyWeights::pack(const float* kernel) {
  const int H = hiddenSize_;
  inParallel([&](const Worker& worker) {
    const Range mine = worker.share(static_cast<int>(tiles_.size()));
    for (int i = mine.begin; i < mine.end; i++) {
      const float* rows = kernel + static_cast<std::size_t>(tiles_[i]->words.begin) * H;
      tiles_[i]->forward.pack(rows, 1, H);
      tiles_[i]->backward.pack(rows, H, 1);
    }
  });
  packed_ = true;
}

}  // namespace sri
