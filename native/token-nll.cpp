#include "token-nll.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "arguments.h"
#include "context.h"
#include "handles.h"
#include "operands.h"

namespace sri {

namespace {

/** Tokens a tile has at most: its logits, hidden states and gradients stay in a core's cache. */
constexpr int kTileTokens = 368;

/** Logits may exceed the number that stands in for their maximum by this much; e^20 does no harm to a sum in f32. */
constexpr float kSlack = 20.0f;

/** Whether exponentials are of the logits' type and take their place. */
template <class Operand>
constexpr bool kInPlace = sizeof(Operand) == sizeof(float);

inline float largestOf(const float* logits, const float* bias, int width) {
  float largest = -3.0e38f;
#pragma omp simd reduction(max : largest)
  for (int j = 0; j < width; j++) {
    const float logit = logits[j] + bias[j];
    largest = logit > largest ? logit : largest;
  }
  return largest;
}

/** exponentials = exp(logits + bias - shift); returns their sum. */
template <class Operand>
inline float exponentiate(const float* logits, const float* bias, float shift, int width, Operand* exponentials) {
  float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
  for (int j = 0; j < width; j++) {
    const float e = fastExp(logits[j] + bias[j] - shift);
    storeOperand(exponentials + j, e);
    sum += e;
  }
  return sum;
}

inline float sumOfExponentials(const float* logits, const float* bias, float shift, int width) {
  float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
  for (int j = 0; j < width; j++) sum += fastExp(logits[j] + bias[j] - shift);
  return sum;
}

}  // namespace

RowTiles::RowTiles(int count, int workers) : rows_(count) {
  const int each = (count + workers * kTileTokens - 1) / (workers * kTileTokens);
  tiles_ = std::min(count, each * workers);
}

template <class Operand>
TokenNll<Operand>::TokenNll(const VocabularyWeights& weights, int count, TokenGradient wanted, Workspace& workspace)
    : weights_(weights),
      N_(count),
      H_(weights.hiddenSize()),
      V_(weights.vocabularySize()),
      wanted_(wanted),
      tiles_(count, threadCount()) {
  const Precision precision = weights.precision();
  const int widest = weights.widestTile();
  const int tileWords[2] = {widest, weights.tiles().back()->words.size()};
  const int tileTokens[2] = {tiles_.smallest(), tiles_.largest()};
  for (int i = 0; i < 2; i++) {
    for (int j = 0; j < 2; j++) {
      const int m = tileTokens[i];
      const int w = tileWords[j];
      products_[i][j] = {Product::of({m, H_, w, false, false, precision}), nullptr, nullptr, nullptr};
      if (wanted == TokenGradient::none) continue;
      products_[i][j].backwardFirst = Product::of({m, w, H_, false, false, precision});
      products_[i][j].backward = Product::of({m, w, H_, false, true, precision});
      if (wanted == TokenGradient::all) products_[i][j].kernel = Product::of({w, m, H_, true, true, precision});
    }
  }
  const bool keeps = wanted == TokenGradient::all;
  const std::size_t rows = tiles_.largest();
  const std::size_t size = rows * widest;
  for (int i = 0; i < threadCount(); i++) {
    logits_.push_back(workspace.take<float>(keeps && kInPlace<Operand> ? rows * V_ : size));
    // In f32 the exponentials replace the logits.
    exponentials_.push_back(!kInPlace<Operand> && wanted != TokenGradient::none
                                ? workspace.take<Operand>(keeps ? rows * V_ : size)
                                : reinterpret_cast<Operand*>(logits_.back()));
    sums_.push_back(workspace.take<float>(3 * rows));
    if (!keeps) continue;
    scaledHidden_.push_back(workspace.take<float>(rows * H_));
    for (int j = 0; j < 2; j++) {
      packedHidden_[j].push_back(std::make_unique<PackedMatrix>(tileTokens[j], H_, precision));
      packedHidden_[j].back()->prepare(H_, 1);
    }
  }
  if (keeps) scales_ = workspace.take<float>(N_);
}

template <class Operand>
const typename TokenNll<Operand>::Products& TokenNll<Operand>::productsFor(int tokens, int tileWords) const {
  return products_[tokens == tiles_.largest()][tileWords != weights_.widestTile()];
}

template <class Operand>
void TokenNll<Operand>::run(const Worker& worker, float weight) const {
  const Range mine = worker.share(tiles_.count());
  if (weight == 0.0f) {
    for (int i = mine.begin; i < mine.end; i++) tile(worker, tiles_[i], weight);
    return;
  }
  // A tile of each worker at a time, so that no more exponentials are kept than those.
  const int rounds = (tiles_.count() + worker.count - 1) / worker.count;
  for (int round = 0; round < rounds; round++) {
    const int i = mine.begin + round;
    if (i < mine.end) {
      tile(worker, tiles_[i], weight);
      packHidden(worker, tiles_[i]);
    }
    worker.wait();
    addToKernel(worker, round, weight);
    worker.wait();
  }
}

template <class Operand>
void TokenNll<Operand>::clearKernel(const Worker& worker) const {
  const Range mine = worker.share(static_cast<int>(weights_.tiles().size()));
  for (int w = mine.begin; w < mine.end; w++) {
    const Range words = weights_.tiles()[w]->words;
    std::fill_n(dKernel + static_cast<std::size_t>(words.begin) * H_, static_cast<std::size_t>(words.size()) * H_,
                0.0f);
    std::fill_n(dBias + words.begin, words.size(), 0.0f);
  }
}

template <class Operand>
void TokenNll<Operand>::tile(const Worker& worker, Range tokens, float weight) const {
  const bool wantsGradient = wanted_ != TokenGradient::none;
  const bool keeps = weight != 0.0f;
  float* sums = sums_[worker.index];
  float* shifts = sums + tokens.size();
  float* targetLogits = shifts + tokens.size();
  const std::size_t first = static_cast<std::size_t>(tokens.begin) * H_;

  for (const auto& words : weights_.tiles()) {
    const int begin = words->words.begin;
    const int width = words->words.size();
    const float* biases = bias + begin;
    // Kept, the exponentials of a tile of words lie behind those of the words before.
    const std::size_t kept = keeps ? static_cast<std::size_t>(tokens.size()) * begin : 0;
    Operand* exponentials = exponentials_[worker.index] + kept;
    float* logits = logits_[worker.index] + (kInPlace<Operand> ? kept : 0);
    const Products& products = productsFor(tokens.size(), width);
    products.forward->run(worker, hidden + first, words->forward, logits);
    for (int i = 0; i < tokens.size(); i++) {
      float* row = logits + static_cast<std::size_t>(i) * width;
      const int target = targets[tokens.begin + i] - begin;
      if (target >= 0 && target < width) targetLogits[i] = row[target] + biases[target];
      const float largest = largestOf(row, biases, width);
      if (begin == 0) {
        shifts[i] = largest;
        sums[i] = 0.0f;
      } else if (largest > shifts[i] + kSlack) {
        const float factor = std::exp(shifts[i] - largest);
        shifts[i] = largest;
        sums[i] *= factor;
        if (wantsGradient) {
          float* sum = dHidden + first + static_cast<std::size_t>(i) * H_;
          for (int u = 0; u < H_; u++) sum[u] *= factor;
        }
        if (keeps) rescale(exponentials_[worker.index], i, tokens, begin, factor);
      }
      sums[i] += wantsGradient
                     ? exponentiate(row, biases, shifts[i], width, exponentials + static_cast<std::size_t>(i) * width)
                     : sumOfExponentials(row, biases, shifts[i], width);
    }
    if (wantsGradient) {
      (begin == 0 ? products.backwardFirst : products.backward)
          ->run(worker, exponentials, words->backward, dHidden + first);
    }
  }
  finish(tokens, targetLogits, sums, shifts, weight);
}

/** The exponentials of a row that are kept of the first `words` words, times `factor`. */
template <class Operand>
void TokenNll<Operand>::rescale(Operand* exponentials, int row, Range tokens, int words, float factor) const {
  for (const auto& tile : weights_.tiles()) {
    if (tile->words.begin >= words) return;
    const int width = tile->words.size();
    Operand* values = exponentials + static_cast<std::size_t>(tokens.size()) * tile->words.begin +
                      static_cast<std::size_t>(row) * width;
    for (int j = 0; j < width; j++) storeOperand(values + j, loadOperand(values[j]) * factor);
  }
}

template <class Operand>
void TokenNll<Operand>::packHidden(const Worker& worker, Range tokens) const {
  float* scaled = scaledHidden_[worker.index];
  for (int i = 0; i < tokens.size(); i++) {
    const Operand* from = hidden + static_cast<std::size_t>(tokens.begin + i) * H_;
    const float scale = scales_[tokens.begin + i];
    for (int u = 0; u < H_; u++) scaled[static_cast<std::size_t>(i) * H_ + u] = loadOperand(from[u]) * scale;
  }
  packedHidden_[tokens.size() == tiles_.largest()][worker.index]->pack(scaled, H_, 1);
}

/** Of this worker's words, from the tiles of tokens that all workers had in this round. */
template <class Operand>
void TokenNll<Operand>::addToKernel(const Worker& worker, int round, float weight) const {
  const Range mine = worker.share(static_cast<int>(weights_.tiles().size()));
  for (int w = mine.begin; w < mine.end; w++) {
    const Range words = weights_.tiles()[w]->words;
    const int width = words.size();
    float* rows = dKernel + static_cast<std::size_t>(words.begin) * H_;
    float* biases = dBias + words.begin;
    for (int other = 0; other < worker.count; other++) {
      const Range theirs = shareOf(tiles_.count(), other, worker.count);
      if (theirs.begin + round >= theirs.end) continue;
      const Range tokens = tiles_[theirs.begin + round];
      const Operand* exponentials = exponentials_[other] + static_cast<std::size_t>(tokens.size()) * words.begin;
      const PackedMatrix& scaled = *packedHidden_[tokens.size() == tiles_.largest()][other];
      for (int i = 0; i < tokens.size(); i++) {
        const Operand* row = exponentials + static_cast<std::size_t>(i) * width;
        const float scale = scales_[tokens.begin + i];
#pragma omp simd
        for (int j = 0; j < width; j++) biases[j] += loadOperand(row[j]) * scale;
      }
      productsFor(tokens.size(), width).kernel->run(worker, exponentials, scaled, rows);
      for (int n = tokens.begin; n < tokens.end; n++) {
        const int target = targets[n] - words.begin;
        if (target < 0 || target >= width) continue;
        const Operand* from = hidden + static_cast<std::size_t>(n) * H_;
        float* row = rows + static_cast<std::size_t>(target) * H_;
        for (int u = 0; u < H_; u++) row[u] -= weight * loadOperand(from[u]);
        biases[target] -= weight;
      }
    }
  }
}

template <class Operand>
void TokenNll<Operand>::finish(Range tokens, const float* targetLogits, const float* sums, const float* shifts,
                               float weight) const {
  for (int i = 0; i < tokens.size(); i++) {
    const int n = tokens.begin + i;
    const float normalizer = shifts[i] + std::log(sums[i]);
    nll[n] = normalizer - targetLogits[i];
    if (logNormalizer != nullptr) logNormalizer[n] = normalizer;
    if (wanted_ == TokenGradient::none) continue;
    const float scale = 1.0f / sums[i];
    if (weight != 0.0f) scales_[n] = weight * scale;
    const float* target = kernel + static_cast<std::size_t>(targets[n]) * H_;
    float* gradient = dHidden + static_cast<std::size_t>(n) * H_;
    if (mask == nullptr) {
      for (int u = 0; u < H_; u++) gradient[u] = gradient[u] * scale - target[u];
    } else {
      const float* maskRow = mask + (static_cast<std::size_t>(n / rows) * batch + n % rows % batch) * H_;
      for (int u = 0; u < H_; u++) gradient[u] = (gradient[u] * scale - target[u]) * maskRow[u];
    }
  }
}

template struct TokenNll<float>;
template struct TokenNll<BFloat16>;

namespace {

/**
 * Gradients with the upstream dNll, to the parameters too. Threads own tiles of words, so that each row of dKernel has
 * one writer; dHidden is the sum of the threads' contributions.
 */
template <class Operand>
class TokenNllBackward {
 public:
  TokenNllBackward(const VocabularyWeights& weights, int count, bool wantsHidden, bool wantsKernel,
                   Workspace& workspace)
      : weights_(weights), N_(count), H_(weights.hiddenSize()), tiles_(count, 1), wantsKernel_(wantsKernel) {
    const Precision precision = weights.precision();
    const int widest = weights.widestTile();
    const int tileWords[2] = {widest, weights.tiles().back()->words.size()};
    const int tileTokens[2] = {tiles_.smallest(), tiles_.largest()};
    for (int i = 0; i < 2; i++) {
      for (int j = 0; j < 2; j++) {
        const int m = tileTokens[i];
        const int w = tileWords[j];
        Products& p = products_[i][j];
        p.logits = Product::of({m, H_, w, false, false, precision});
        for (const bool add : {false, true}) {
          if (wantsHidden) p.hidden[add] = Product::of({m, w, H_, false, add, precision});
          if (wantsKernel) p.kernel[add] = Product::of({w, m, H_, true, add, precision});
        }
      }
    }
    if (wantsKernel) {
      for (int i = 0; i < tiles_.count(); i++) {
        hiddenPacked_.push_back(std::make_unique<PackedMatrix>(tiles_[i].size(), H_, precision));
        hiddenPacked_.back()->prepare(H_, 1);
      }
    }
    const std::size_t tileSize = static_cast<std::size_t>(tiles_.largest()) * widest;
    for (int i = 0; i < threadCount(); i++) {
      logits_.push_back(workspace.take<float>(tileSize));
      gradients_.push_back(operandsFor<Operand>(logits_.back(), tileSize, workspace));
      dHiddenOf_.push_back(wantsHidden ? workspace.take<float>(static_cast<std::size_t>(N_) * H_) : nullptr);
      unwantedBias_.push_back(workspace.take<float>(widest));
    }
  }

  /** The same states as they are, and as operands. */
  const float* hidden = nullptr;
  const Operand* operands = nullptr;
  const float* bias = nullptr;
  const std::int32_t* targets = nullptr;
  const float* logNormalizer = nullptr;
  const float* dNll = nullptr;
  float* dHidden = nullptr;
  float* dKernel = nullptr;
  float* dBias = nullptr;

  void run(const Worker& worker) const {
    if (wantsKernel_) {
      for (int i = worker.index; i < tiles_.count(); i += worker.count) {
        hiddenPacked_[i]->pack(hidden + static_cast<std::size_t>(tiles_[i].begin) * H_, H_, 1);
      }
      worker.wait();
    }
    const int words = static_cast<int>(weights_.tiles().size());
    const Range mine = worker.share(words);
    for (int i = mine.begin; i < mine.end; i++) tileOfWords(worker, *weights_.tiles()[i], i == mine.begin);
    if (dHidden == nullptr) return;
    worker.wait();
    const Range rows = worker.share(N_);
    const std::size_t begin = static_cast<std::size_t>(rows.begin) * H_;
    const std::size_t end = static_cast<std::size_t>(rows.end) * H_;
    for (std::size_t i = begin; i < end; i++) dHidden[i] = 0.0f;
    for (int other = 0; other < worker.count; other++) {
      if (shareOf(words, other, worker.count).size() == 0) continue;
      const float* part = dHiddenOf_[other];
#pragma omp simd
      for (std::size_t i = begin; i < end; i++) dHidden[i] += part[i];
    }
  }

 private:
  struct Products {
    const Product* logits = nullptr;
    /** Overwriting, adding. */
    const Product* hidden[2] = {nullptr, nullptr};
    const Product* kernel[2] = {nullptr, nullptr};
  };

  void tileOfWords(const Worker& worker, const VocabularyWeights::Tile& tile, bool first) const {
    const int begin = tile.words.begin;
    const int width = tile.words.size();
    float* logits = logits_[worker.index];
    Operand* gradients = gradients_[worker.index];
    float* biasSum = dBias != nullptr ? dBias + begin : unwantedBias_[worker.index];
    for (int j = 0; j < width; j++) biasSum[j] = 0.0f;
    for (int t = 0; t < tiles_.count(); t++) {
      const Range tokens = tiles_[t];
      const Products& products = products_[tokens.size() == tiles_.largest()][width != weights_.widestTile()];
      const std::size_t at = static_cast<std::size_t>(tokens.begin) * H_;
      products.logits->run(worker, operands + at, tile.forward, logits);
      for (int i = 0; i < tokens.size(); i++) {
        const std::size_t row = static_cast<std::size_t>(i) * width;
        gradientOfLogits(tokens.begin + i, begin, width, logits + row, gradients + row, biasSum);
      }
      if (dHidden != nullptr) {
        products.hidden[!first]->run(worker, gradients, tile.backward, dHiddenOf_[worker.index] + at);
      }
      if (wantsKernel_) {
        float* rows = dKernel + static_cast<std::size_t>(begin) * H_;
        products.kernel[t > 0]->run(worker, gradients, *hiddenPacked_[t], rows);
      }
    }
  }

  /** The gradient of a token's logits, (p - [target]) dNll; in f32 it takes their place. */
  void gradientOfLogits(int n, int begin, int width, const float* logits, Operand* gradients, float* biasSum) const {
    const float* biases = bias + begin;
    const float shift = logNormalizer[n];
    const float upstream = dNll[n];
    const int target = targets[n] - begin;
#pragma omp simd
    for (int j = 0; j < width; j++) {
      const float gradient = fastExp(logits[j] + biases[j] - shift) * upstream;
      storeOperand(gradients + j, gradient);
      biasSum[j] += gradient;
    }
    if (target >= 0 && target < width) {
      storeOperand(gradients + target, loadOperand(gradients[target]) - upstream);
      biasSum[target] -= upstream;
    }
  }

  const VocabularyWeights& weights_;
  int N_, H_;
  RowTiles tiles_;
  bool wantsKernel_;
  Products products_[2][2];
  std::vector<std::unique_ptr<PackedMatrix>> hiddenPacked_;
  std::vector<float*> logits_;
  std::vector<Operand*> gradients_;
  std::vector<float*> dHiddenOf_;
  std::vector<float*> unwantedBias_;
};

void tokenNllForward(const Napi::CallbackInfo& info) {
  const VocabularyWeights& weights = vocabularyOf(info[0]);
  const Arguments args(info[1], "arguments");
  const std::size_t N = args.count("count");
  const std::size_t H = weights.hiddenSize();
  const std::size_t V = weights.vocabularySize();
  const float* hidden = args.floats("hidden", N * H);
  const float* bias = args.floats("bias", V);
  const std::int32_t* targets = args.integers("targets", N);
  float* nll = args.floats("nll", N);
  float* logNormalizer = args.floats("logNormalizer", N);
  checkRows(targets, N, weights.vocabularySize(), "targets");
  const Napi::Value gradients = args.get("gradients");
  const bool wantsGradients = !gradients.IsNull() && !gradients.IsUndefined();
  const float* kernel = nullptr;
  float* dHidden = nullptr;
  float* dKernel = nullptr;
  float* dBias = nullptr;
  if (wantsGradients) {
    const Arguments out(gradients, "gradients");
    kernel = out.floats("kernel", V * H);
    dHidden = out.floats("dHidden", N * H);
    dKernel = out.floats("dKernel", V * H);
    dBias = out.floats("dBias", V);
  }
  computeInOperandOf(weights.precision(), [&](auto operand) {
    using Operand = decltype(operand);
    Workspace& workspace = Workspace::fresh();
    TokenNll<Operand> pass(weights, N, wantsGradients ? TokenGradient::all : TokenGradient::none, workspace);
    pass.hidden = asOperands<Operand>(hidden, N * H, workspace);
    pass.bias = bias;
    pass.targets = targets;
    pass.nll = nll;
    pass.logNormalizer = logNormalizer;
    pass.kernel = kernel;
    pass.dHidden = dHidden;
    pass.dKernel = dKernel;
    pass.dBias = dBias;
    inParallel([&](const Worker& worker) {
      if (wantsGradients) pass.clearKernel(worker);
      pass.run(worker, wantsGradients ? 1.0f : 0.0f);
    });
  });
}

void tokenNllBackward(const Napi::CallbackInfo& info) {
  const VocabularyWeights& weights = vocabularyOf(info[0]);
  const Arguments args(info[1], "arguments");
  const std::size_t N = args.count("count");
  const std::size_t H = weights.hiddenSize();
  const std::size_t V = weights.vocabularySize();
  const float* hidden = args.floats("hidden", N * H);
  const float* bias = args.floats("bias", V);
  const std::int32_t* targets = args.integers("targets", N);
  const float* logNormalizer = args.floats("logNormalizer", N);
  const float* dNll = args.floats("dNll", N);
  float* dHidden = args.floatsOrNull("dHidden", N * H);
  float* dKernel = args.floatsOrNull("dKernel", V * H);
  float* dBias = args.floatsOrNull("dBias", V);
  checkRows(targets, N, weights.vocabularySize(), "targets");
  computeInOperandOf(weights.precision(), [&](auto operand) {
    using Operand = decltype(operand);
    Workspace& workspace = Workspace::fresh();
    TokenNllBackward<Operand> pass(weights, N, dHidden != nullptr, dKernel != nullptr, workspace);
    pass.hidden = hidden;
    pass.operands = asOperands<Operand>(hidden, N * H, workspace);
    pass.bias = bias;
    pass.targets = targets;
    pass.logNormalizer = logNormalizer;
    pass.dNll = dNll;
    pass.dHidden = dHidden;
    pass.dKernel = dKernel;
    pass.dBias = dBias;
    inParallel([&](const Worker& worker) { pass.run(worker); });
  });
}

}  // namespace

void defineTokenNll(Napi::Object& exports) {
  define(exports, "tokenNllForward", tokenNllForward);
  define(exports, "tokenNllBackward", tokenNllBackward);
}

}  // namespace sri
