#include "posterior-hessian.h"

#include <cstring>
#include <memory>

#include "arguments.h"
#include "context.h"
#include "gram.h"
#include "handles.h"

namespace sri {

namespace {

/** Rows whose tangents are carried together: with Z directions each, a good number for the products. */
constexpr int kRowsAtOnce = 32;
constexpr int kTokensAtOnce = 16;
constexpr int kProductRows = 256;

/**
 * Words whose logits' tangents are multiplied with each other at once: for some dozens of directions, what the first
 * level of cache holds, and not a power of two apart, which would put them all in the same few places of it.
 */
constexpr int kChunkWords = 256;
constexpr int kChunkStride = kChunkWords + 16;

int roundUp(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

/**
 * What one row's cells of one step do to tangents, `width` numbers each. First derivatives:
 *   dc = forget dc_before + toForget da_f + toInput da_i + toCandidate da_g,   dh = toOutput da_o + toCell dc.
 * Second derivatives, weighted with the adjoints of c and h, in the pairs (a_f, c_before), (a_i, a_g) and (a_o, c).
 */
struct CellCoefficients {
  static constexpr int kCount = 14;
  explicit CellCoefficients(float* memory, std::size_t width)
      : forget(memory),
        toForget(memory + width),
        toInput(memory + 2 * width),
        toCandidate(memory + 3 * width),
        toOutput(memory + 4 * width),
        toCell(memory + 5 * width),
        forgetForget(memory + 6 * width),
        forgetBefore(memory + 7 * width),
        inputInput(memory + 8 * width),
        inputCandidate(memory + 9 * width),
        candidateCandidate(memory + 10 * width),
        outputOutput(memory + 11 * width),
        outputCell(memory + 12 * width),
        cellCell(memory + 13 * width) {}

  float *forget, *toForget, *toInput, *toCandidate, *toOutput, *toCell;
  float *forgetForget, *forgetBefore, *inputInput, *inputCandidate, *candidateCandidate;
  float *outputOutput, *outputCell, *cellCell;
};

void computeCoefficients(int width, int H, const float* act, const float* cell, const float* cellBefore,
                         const float* cellAdjoint, const float* hiddenAdjoint, const CellCoefficients& to) {
#pragma omp simd
  for (int u = 0; u < width; u++) {
    const float i = act[u];
    const float f = act[H + u];
    const float g = act[2 * H + u];
    const float o = act[3 * H + u];
    const float before = cellBefore[u];
    const float tanhC = fastTanh(cell[u]);
    const float dc = cellAdjoint[u];
    const float dh = hiddenAdjoint[u];
    const float i1 = i * (1.0f - i);
    const float f1 = f * (1.0f - f);
    const float g1 = 1.0f - g * g;
    const float o1 = o * (1.0f - o);
    const float c1 = 1.0f - tanhC * tanhC;
    to.forget[u] = f;
    to.toForget[u] = f1 * before;
    to.toInput[u] = i1 * g;
    to.toCandidate[u] = i * g1;
    to.toOutput[u] = o1 * tanhC;
    to.toCell[u] = o * c1;
    to.forgetForget[u] = dc * f1 * (1.0f - 2.0f * f) * before;
    to.forgetBefore[u] = dc * f1;
    to.inputInput[u] = dc * i1 * (1.0f - 2.0f * i) * g;
    to.inputCandidate[u] = dc * i1 * g1;
    to.candidateCandidate[u] = dc * i * -2.0f * g * g1;
    to.outputOutput[u] = dh * o1 * (1.0f - 2.0f * o) * tanhC;
    to.outputCell[u] = dh * o1 * c1;
    to.cellCell[u] = dh * o * -2.0f * tanhC * c1;
  }
}

/**
 * One direction: `gates` comes as the recurrent product's row of this part, `latent` is z's own effect on the gates.
 * left and right receive x and M x, six stretches `padded` apart, where x are the tangents that the second
 * derivatives M act on.
 */
void cellTangents(int width, int H, int padded, const CellCoefficients& k, const float* gates, const float* latent,
                  float* cell, float* hidden, float* left, float* right) {
#pragma omp simd
  for (int u = 0; u < width; u++) {
    const float i = gates[u] + latent[u];
    const float f = gates[width + u] + latent[H + u];
    const float g = gates[2 * width + u] + latent[2 * H + u];
    const float o = gates[3 * width + u] + latent[3 * H + u];
    const float before = cell[u];
    const float c = k.forget[u] * before + k.toForget[u] * f + k.toInput[u] * i + k.toCandidate[u] * g;
    cell[u] = c;
    hidden[u] = k.toOutput[u] * o + k.toCell[u] * c;
    left[u] = f;
    left[padded + u] = before;
    left[2 * padded + u] = i;
    left[3 * padded + u] = g;
    left[4 * padded + u] = o;
    left[5 * padded + u] = c;
    right[u] = k.forgetForget[u] * f + k.forgetBefore[u] * before;
    right[padded + u] = k.forgetBefore[u] * f;
    right[2 * padded + u] = k.inputInput[u] * i + k.inputCandidate[u] * g;
    right[3 * padded + u] = k.inputCandidate[u] * i + k.candidateCandidate[u] * g;
    right[4 * padded + u] = k.outputOutput[u] * o + k.outputCell[u] * c;
    right[5 * padded + u] = k.outputCell[u] * o + k.cellCell[u] * c;
  }
}

}  // namespace

HessianPass::HessianPass(const RecurrentWeights& recurrent, const VocabularyWeights& vocabulary,
                         const LatentContext& context, const LatentPass<float>& base, int baseRows, int rows,
                         Workspace& workspace)
    : recurrent_(recurrent),
      vocabulary_(vocabulary),
      context_(context),
      base_(base),
      baseRows_(baseRows),
      rows_(rows),
      blockSteps_(std::min(context.tokens, (kTokensAtOnce + rows - 1) / rows)),
      groupTokens_(std::min(blockSteps_ * rows, std::max(1, kProductRows / (context.latentSize + 1)))) {
  const int H = context.hiddenSize;
  const int Z = context.latentSize;
  const std::size_t tangents = static_cast<std::size_t>(rows) * Z;
  for (const auto& part : recurrent.parts()) {
    const int width = part->units.size();
    recurrentProducts_.push_back(Product::of({static_cast<int>(tangents), H, 4 * width, false, false, Precision::f32}));
    gateTangents_.push_back(workspace.take<float>(tangents * 4 * width));
    cellTangents_.push_back(workspace.take<float>(tangents * width));
  }

  const int tileWords[2] = {vocabulary.widestTile(), vocabulary.tiles().back()->words.size()};
  const int whole = blockSteps_ * rows;
  const int last = context.tokens % blockSteps_ * rows;
  for (int j = 0; j < 2; j++) {
    vocabularyProducts_[j].resize(groupTokens_ + 1, nullptr);
    for (const int tokens : {groupTokens_, whole % groupTokens_, last % groupTokens_}) {
      if (tokens == 0) continue;
      vocabularyProducts_[j][tokens] = Product::of({tokens * (Z + 1), H, tileWords[j], false, false, Precision::f32});
    }
  }

  zeros_ = workspace.take<float>(H);
  std::memset(zeros_, 0, H * sizeof(float));
  for (int i = 0; i < 2; i++) {
    hiddenTangents_[i] = workspace.take<float>(tangents * H);
    tokens_[i] = workspace.take<float>(static_cast<std::size_t>(whole) * (Z + 1) * H);
  }
  const std::size_t padded = roundUp(recurrent.widestPart(), kLanes);
  const std::size_t forCells = CellCoefficients::kCount * padded + 2 * static_cast<std::size_t>(Z) * 6 * padded;
  const std::size_t forVocabulary = kChunkWords + static_cast<std::size_t>(Z) * kChunkStride +
                                    static_cast<std::size_t>(groupTokens_) * (Z + 1) * vocabulary.widestTile();
  const std::size_t forMeans = Z + H;
  for (int i = 0; i < threadCount(); i++) {
    grams_.push_back(workspace.take<float>(rows * gramSize()));
    scratch_.push_back(workspace.take<float>(std::max({forCells, forVocabulary, forMeans})));
  }
}

void HessianPass::run(const Worker& worker, int first, float* hessian) const {
  const int H = context_.hiddenSize;
  const int Z = context_.latentSize;
  const int T = context_.tokens;
  const auto& parts = recurrent_.parts();
  float* grams = grams_[worker.index];
  std::memset(grams, 0, rows_ * gramSize() * sizeof(float));

  // dh_0/dz is the same for every row; it is kept where step -1 would be.
  float* initial = hiddenTangents(1);
  for (std::size_t p = worker.index; p < parts.size(); p += worker.count) {
    const Range& units = parts[p]->units;
    std::memset(cellTangents_[p], 0, static_cast<std::size_t>(rows_) * Z * units.size() * sizeof(float));
    for (int row = 0; row < rows_ * Z; row++) {
      std::memcpy(initial + static_cast<std::size_t>(row) * H + units.begin,
                  context_.initialKernel + static_cast<std::size_t>(row % Z) * H + units.begin,
                  units.size() * sizeof(float));
    }
  }
  worker.wait();

  for (int t = 0; t < T; t++) {
    const int step = t % blockSteps_;
    float* block = tokens_[t / blockSteps_ & 1];
    for (std::size_t p = worker.index; p < parts.size(); p += worker.count) {
      recurrentProducts_[p]->run(worker, hiddenTangents(t + 1), parts[p]->forward, gateTangents_[p]);
      cells(worker, p, first, t, block + static_cast<std::size_t>(step) * rows_ * (Z + 1) * H, grams);
    }
    worker.wait();
    meanLogitTangents(worker, first, t, grams);
    if (step == blockSteps_ - 1 || t == T - 1) vocabulary(worker, first, t - step, step + 1, block, grams);
  }
  worker.wait();

  const Range mine = worker.share(rows_);
  for (int r = mine.begin; r < mine.end; r++) {
    float* out = hessian + r * gramSize();
    for (int d = 0; d < Z; d++) {
      for (int e = d; e < Z; e++) {
        const std::size_t at = static_cast<std::size_t>(d) * Z + e;
        float sum = 0.0f;
        for (int i = 0; i < worker.count; i++) sum += grams_[i][r * gramSize() + at];
        out[at] = sum;
        out[static_cast<std::size_t>(e) * Z + d] = sum;
      }
    }
  }
  worker.wait();
}

void HessianPass::cells(const Worker& worker, std::size_t part, int first, int t, float* tokens, float* grams) const {
  const int H = context_.hiddenSize;
  const int Z = context_.latentSize;
  const Range& units = recurrent_.parts()[part]->units;
  const int width = units.size();
  const int u0 = units.begin;
  const int padded = roundUp(width, kLanes);
  const std::size_t stateStep = static_cast<std::size_t>(baseRows_) * H;
  float* memory = scratch_[worker.index];
  const CellCoefficients coefficients(memory, width);
  float* left = memory + static_cast<std::size_t>(CellCoefficients::kCount) * padded;
  float* right = left + static_cast<std::size_t>(Z) * 6 * padded;
  if (padded != width) std::memset(left, 0, sizeof(float) * 2 * Z * 6 * padded);
  const float* states = context_.outputMask != nullptr ? base_.forward().masked : base_.forward().hidden;

  for (int s = 0; s < rows_; s++) {
    const int r = first + s;
    const std::size_t at = t * stateStep + static_cast<std::size_t>(r) * H + u0;
    const float* cell = base_.forward().cells + at;
    computeCoefficients(width, H, base_.forward().activations + (at - u0) * 4 + u0, cell,
                        t > 0 ? cell - stateStep : zeros_, base_.backward().cellAdjoints + at,
                        base_.backward().hiddenAdjoints + at, coefficients);
    const float* mask = nullptr;
    if (context_.outputMask != nullptr) {
      mask = context_.outputMask + (static_cast<std::size_t>(t) * context_.batch + r % context_.batch) * H + u0;
    }
    float* token = tokens + static_cast<std::size_t>(s) * (Z + 1) * H + u0;
    for (int d = 0; d < Z; d++) {
      const std::size_t row = static_cast<std::size_t>(s) * Z + d;
      float* hidden = hiddenTangents(t) + row * H + u0;
      cellTangents(width, H, padded, coefficients, gateTangents_[part] + row * 4 * width,
                   context_.latentKernel + static_cast<std::size_t>(d) * 4 * H + u0, cellTangents_[part] + row * width,
                   hidden, left + static_cast<std::size_t>(d) * 6 * padded,
                   right + static_cast<std::size_t>(d) * 6 * padded);
      float* masked = token + static_cast<std::size_t>(d) * H;
      for (int u = 0; u < width; u++) masked[u] = mask != nullptr ? hidden[u] * mask[u] : hidden[u];
    }
    std::memcpy(token + static_cast<std::size_t>(Z) * H, states + at, width * sizeof(float));
    addUpperGram(left, std::size_t{6} * padded, right, std::size_t{6} * padded, Z, 6 * padded, grams + s * gramSize());
  }
}

void HessianPass::meanLogitTangents(const Worker& worker, int first, int t, float* grams) const {
  const int H = context_.hiddenSize;
  const int Z = context_.latentSize;
  float* means = scratch_[worker.index];
  float* meanKernel = means + Z;
  const Range mine = worker.share(rows_);
  for (int s = mine.begin; s < mine.end; s++) {
    const int r = first + s;
    const std::size_t word = static_cast<std::size_t>(t) * context_.batch + r % context_.batch;
    const float* gradient = base_.output().dHidden + (static_cast<std::size_t>(t) * baseRows_ + r) * H;
    const float* target = context_.outputKernel + static_cast<std::size_t>(context_.targets[word]) * H;
    // dNLL/dh = mask (sum_v p_v w_v - w_target).
    const float* mask = context_.outputMask != nullptr ? context_.outputMask + word * H : nullptr;
    for (int u = 0; u < H; u++) meanKernel[u] = gradient[u] + (mask != nullptr ? mask[u] * target[u] : target[u]);
    for (int d = 0; d < Z; d++) {
      const float* tangent = hiddenTangents(t) + (static_cast<std::size_t>(s) * Z + d) * H;
      float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
      for (int u = 0; u < H; u++) sum += tangent[u] * meanKernel[u];
      means[d] = sum;
    }
    float* gram = grams + s * gramSize();
    for (int d = 0; d < Z; d++) {
      for (int e = 0; e < Z; e++) gram[static_cast<std::size_t>(d) * Z + e] -= means[d] * means[e];
    }
  }
}

void HessianPass::vocabulary(const Worker& worker, int first, int firstStep, int steps, const float* tokens,
                             float* grams) const {
  const int H = context_.hiddenSize;
  const int Z = context_.latentSize;
  const int count = steps * rows_;
  const int groups = (count + groupTokens_ - 1) / groupTokens_;
  const auto& tiles = vocabulary_.tiles();
  float* roots = scratch_[worker.index];
  float* scaled = roots + kChunkWords;
  float* logits = scaled + static_cast<std::size_t>(Z) * kChunkStride;
  const Range items = worker.share(groups * static_cast<int>(tiles.size()));
  for (int item = items.begin; item < items.end; item++) {
    const VocabularyWeights::Tile& tile = *tiles[item / groups];
    const int begin = item % groups * groupTokens_;
    const int group = std::min(groupTokens_, count - begin);
    const int width = tile.words.size();
    vocabularyProducts_[width != vocabulary_.widestTile()][group]->run(
        worker, tokens + static_cast<std::size_t>(begin) * (Z + 1) * H, tile.forward, logits);
    const float* bias = context_.outputBias + tile.words.begin;
    for (int i = 0; i < group; i++) {
      const int s = (begin + i) % rows_;
      const int t = firstStep + (begin + i) / rows_;
      const float normalizer = base_.output().logNormalizer[static_cast<std::size_t>(t) * baseRows_ + first + s];
      const float* tangents = logits + static_cast<std::size_t>(i) * (Z + 1) * width;
      const float* state = tangents + static_cast<std::size_t>(Z) * width;
      for (int from = 0; from < width; from += kChunkWords) {
        const int words = std::min(kChunkWords, width - from);
        // Both factors of the product take the square root of p.
#pragma omp simd
        for (int v = 0; v < words; v++) roots[v] = fastExp(0.5f * (state[from + v] + bias[from + v] - normalizer));
        for (int d = 0; d < Z; d++) {
          const float* row = tangents + static_cast<std::size_t>(d) * width + from;
          float* to = scaled + static_cast<std::size_t>(d) * kChunkStride;
#pragma omp simd
          for (int v = 0; v < words; v++) to[v] = row[v] * roots[v];
        }
        addUpperGram(scaled, kChunkStride, scaled, kChunkStride, Z, words, grams + s * gramSize());
      }
    }
  }
}

namespace {

void posteriorHessian(const Napi::CallbackInfo& info) {
  // Both weights must be of f32; the context sees to it that they are of one precision.
  recurrentOf(info[0], Precision::f32);
  const LatentCall call(info);
  const LatentContext& context = call.context;
  const Arguments& args = call.args;
  const std::size_t R = call.rows;
  const std::size_t Z = call.latentSize;
  const float* z = args.floats("z", R * Z);
  float* nll = args.floats("nll", R);
  float* gradient = args.floats("gradient", R * Z);
  float* hessian = args.floats("hessian", R * Z * Z);
  compute([&] {
    inPieces(R, context.batch, bytesPerRow(context, Wanted::adjoints), [&](int begin, int count) {
      Workspace& workspace = Workspace::fresh();
      const LatentPass<float> base(call.recurrent, call.vocabulary, context, count, Wanted::adjoints, workspace);
      inParallel([&](const Worker& worker) { base.run(worker, z + begin * Z, nll + begin, gradient + begin * Z); });
      const int shares = (count + kRowsAtOnce - 1) / kRowsAtOnce;
      const auto passFor = [&](int size) {
        return std::make_unique<HessianPass>(call.recurrent, call.vocabulary, context, base, count, size, workspace);
      };
      const auto smaller = passFor(count / shares);
      const auto larger = count % shares == 0 ? nullptr : passFor(count / shares + 1);
      for (int i = 0; i < shares; i++) {
        const Range rows = shareOf(count, i, shares);
        const HessianPass& pass = rows.size() > count / shares ? *larger : *smaller;
        inParallel([&](const Worker& worker) { pass.run(worker, rows.begin, hessian + (begin + rows.begin) * Z * Z); });
      }
    });
  });
}

}  // namespace

void definePosteriorHessian(Napi::Object& exports) { define(exports, "posteriorHessian", posteriorHessian); }

}  // namespace sri
