#include "latent.h"

#include <cmath>
#include <cstring>
#include <optional>

#include "context.h"
#include "handles.h"
#include "operands.h"

namespace sri {

LatentContext::LatentContext(const Napi::Value& value, const RecurrentWeights& recurrent,
                             const VocabularyWeights& vocabulary) {
  if (recurrent.precision() != vocabulary.precision()) {
    throw std::runtime_error("the recurrent and the vocabulary weights must be of one precision");
  }
  if (recurrent.hiddenSize() != vocabulary.hiddenSize()) {
    throw std::runtime_error("the recurrent and the vocabulary weights must be of one hidden size");
  }
  const Arguments args(value, "context");
  tokens = args.count("tokens");
  batch = args.count("batch");
  latentSize = args.count("latentSize");
  hiddenSize = recurrent.hiddenSize();
  const std::size_t T = tokens;
  const std::size_t B = batch;
  const std::size_t Z = latentSize;
  const std::size_t H = hiddenSize;
  const std::size_t V = vocabulary.vocabularySize();
  wordGates = args.floats("wordGates", T * B * 4 * H);
  outputMask = args.floatsOrNull("outputMask", T * B * H);
  targets = args.integers("targets", T * B);
  latentKernel = args.floats("latentKernel", Z * 4 * H);
  initialKernel = args.floats("initialKernel", Z * H);
  initialBias = args.floats("initialBias", H);
  outputKernel = args.floats("outputKernel", V * H);
  outputBias = args.floats("outputBias", V);
  checkRows(targets, T * B, vocabulary.vocabularySize(), "targets");
}

ContextGradient::ContextGradient(const Napi::Value& value, const LatentContext& context, int vocabularySize) {
  const Arguments args(value, "gradient");
  const std::size_t T = context.tokens;
  const std::size_t B = context.batch;
  const std::size_t Z = context.latentSize;
  const std::size_t H = context.hiddenSize;
  const std::size_t V = vocabularySize;
  wordGates = args.floats("wordGates", T * B * 4 * H);
  latentKernel = args.floats("latentKernel", Z * 4 * H);
  initialKernel = args.floats("initialKernel", Z * H);
  initialBias = args.floats("initialBias", H);
  recurrentKernel = args.floats("recurrentKernel", H * 4 * H);
  outputKernel = args.floats("outputKernel", V * H);
  outputBias = args.floats("outputBias", V);
}

LatentWeights::LatentWeights(int latentSize, int hiddenSize)
    : latentSize(latentSize),
      hiddenSize(hiddenSize),
      gates(latentSize, 4 * hiddenSize, Precision::f32),
      initial(latentSize, hiddenSize, Precision::f32),
      gatesBack(4 * hiddenSize, latentSize, Precision::f32),
      initialBack(hiddenSize, latentSize, Precision::f32) {
  gates.prepare(4 * hiddenSize, 1);
  initial.prepare(hiddenSize, 1);
  gatesBack.prepare(1, 4 * hiddenSize);
  initialBack.prepare(1, hiddenSize);
}

void LatentWeights::pack(const LatentContext& context) {
  gates.pack(context.latentKernel, 4 * hiddenSize, 1);
  initial.pack(context.initialKernel, hiddenSize, 1);
  gatesBack.pack(context.latentKernel, 1, 4 * hiddenSize);
  initialBack.pack(context.initialKernel, 1, hiddenSize);
}

const LatentWeights& LatentWeights::of(const LatentContext& batch) {
  auto& weights = process().latentWeights;
  if (!weights || weights->latentSize != batch.latentSize || weights->hiddenSize != batch.hiddenSize) {
    weights = std::make_unique<LatentWeights>(batch.latentSize, batch.hiddenSize);
  }
  weights->pack(batch);
  return *weights;
}

template <class Operand>
LatentPass<Operand>::LatentPass(const RecurrentWeights& recurrent, const VocabularyWeights& vocabulary,
                                const LatentContext& context, int rows, Wanted wanted, Workspace& workspace)
    : context_(context),
      latent_(LatentWeights::of(context)),
      rows_(rows),
      shares_(std::min(rows, threadCount())),
      wanted_(wanted),
      forward_(recurrent, context.tokens, context.batch, rows, workspace),
      output_(vocabulary, context.tokens * rows,
              wanted == Wanted::nll          ? TokenGradient::none
              : wanted == Wanted::parameters ? TokenGradient::all
                                             : TokenGradient::hidden,
              workspace),
      backward_(recurrent, context.tokens, rows, workspace) {
  const int Z = context.latentSize;
  const int H = context.hiddenSize;
  const std::size_t states = static_cast<std::size_t>(rows) * H;
  const std::size_t history = states * context.tokens;
  const bool wantsGradient = wanted != Wanted::nll;

  for (int i = 0; i < 2; i++) {
    const int m = i == 0 ? rows / shares_ : (rows + shares_ - 1) / shares_;
    products_[i] = {
        Product::of({m, Z, 4 * H, false, false, Precision::f32}), Product::of({m, Z, H, false, false, Precision::f32}),
        Product::of({m, 4 * H, Z, false, false, Precision::f32}), Product::of({m, H, Z, false, true, Precision::f32})};
  }
  latentGates_ = workspace.take<float>(4 * states);
  initialSum_ = workspace.take<float>(states);
  // In f32 h_0 is used where it was computed.
  initial_ =
      sizeof(Operand) == sizeof(float) ? reinterpret_cast<Operand*>(initialSum_) : workspace.take<Operand>(states);

  forward_.wordGates = context.wordGates;
  forward_.latentGates = latentGates_;
  forward_.initial = initial_;
  forward_.mask = context.outputMask;
  forward_.hidden = workspace.take<Operand>(history);
  forward_.masked = context.outputMask != nullptr ? workspace.take<Operand>(history) : nullptr;
  forward_.keepsHistory = wantsGradient;
  forward_.cells = workspace.take<float>(wantsGradient ? history : states);
  forward_.activations = wantsGradient ? workspace.take<float>(4 * history) : nullptr;

  const int count = context.tokens * rows;
  std::int32_t* targets = workspace.take<std::int32_t>(count);
  for (int n = 0; n < count; n++) targets[n] = context.targets[n / rows * context.batch + n % rows % context.batch];
  tokenNll_ = workspace.take<float>(count);
  output_.hidden = context.outputMask != nullptr ? forward_.masked : forward_.hidden;
  output_.bias = context.outputBias;
  output_.targets = targets;
  output_.nll = tokenNll_;
  if (!wantsGradient) return;

  output_.kernel = context.outputKernel;
  output_.mask = context.outputMask;
  output_.batch = context.batch;
  output_.rows = rows;
  output_.dHidden = workspace.take<float>(history);

  dGates_ = workspace.take<float>(4 * states);
  dInitial_ = workspace.take<float>(states);
  backward_.cells = forward_.cells;
  backward_.activations = forward_.activations;
  backward_.dHidden = output_.dHidden;
  if (wanted == Wanted::parameters) backward_.dGatesSteps = context.tokens;
  backward_.dGates = workspace.take<Operand>(backward_.dGatesSteps * 4 * states);
  backward_.dLatentGates = dGates_;
  backward_.dInitial = dInitial_;
  if (wanted == Wanted::adjoints) {
    output_.logNormalizer = workspace.take<float>(count);
    backward_.cellAdjoints = workspace.take<float>(history);
    backward_.hiddenAdjoints = workspace.take<float>(history);
  }
  if (wanted == Wanted::parameters && sizeof(Operand) != sizeof(float)) {
    floatStates_ = workspace.take<float>(history);
    floatGates_ = workspace.take<float>(4 * history);
  }
}

template <class Operand>
void LatentPass<Operand>::project(const Worker& worker, const float* z) const {
  const std::size_t Z = context_.latentSize;
  const std::size_t H = context_.hiddenSize;
  forOwnRows(worker, [&](Range rows) {
    const Products& products = productsFor(rows);
    const float* from = z + rows.begin * Z;
    products.gates->run(worker, from, latent_.gates, latentGates_ + 4 * H * rows.begin);
    products.initial->run(worker, from, latent_.initial, initialSum_ + rows.begin * H);
    for (int r = rows.begin; r < rows.end; r++) {
      for (std::size_t u = 0; u < H; u++) {
        storeOperand(initial_ + r * H + u, initialSum_[r * H + u] + context_.initialBias[u]);
      }
    }
  });
}

template <class Operand>
void LatentPass<Operand>::run(const Worker& worker, const float* z, float* nll, float* gradient, float weight) const {
  project(worker, z);
  worker.wait();
  forward_.run(worker);
  output_.run(worker, weight);
  worker.wait();
  if (wanted_ != Wanted::nll) backward_.run(worker);
  const std::size_t Z = context_.latentSize;
  const std::size_t H = context_.hiddenSize;
  forOwnRows(worker, [&](Range rows) {
    for (int r = rows.begin; r < rows.end; r++) {
      float sum = 0.0f;
      for (int t = 0; t < context_.tokens; t++) sum += tokenNll_[static_cast<std::size_t>(t) * rows_ + r];
      nll[r] = sum;
    }
    if (wanted_ == Wanted::nll) return;
    const Products& products = productsFor(rows);
    products.gatesBack->run(worker, dGates_ + 4 * H * rows.begin, latent_.gatesBack, gradient + rows.begin * Z);
    products.initialBack->run(worker, dInitial_ + rows.begin * H, latent_.initialBack, gradient + rows.begin * Z);
  });
}

template <class Operand>
void LatentPass<Operand>::sumInto(const ContextGradient& sums) {
  output_.dKernel = sums.outputKernel;
  output_.dBias = sums.outputBias;
}

namespace {

/** c `[m, n]` += weight a' b, for a `[k, m]` and b `[k, n]`, on all threads. */
void addProduct(std::size_t m, std::size_t n, std::size_t k, float weight, const float* a, const float* b, float* c) {
  const auto M = static_cast<dnnl_dim_t>(m);
  const auto N = static_cast<dnnl_dim_t>(n);
  const dnnl_status_t status = dnnl_sgemm('T', 'N', M, N, static_cast<dnnl_dim_t>(k), weight, a, M, b, N, 1.0f, c, N);
  if (status != dnnl_success) throw std::runtime_error("oneDNN's sgemm failed");
}

/** Floats as they are, other operands copied into `buffer`. */
const float* asFloats(const float* values, float*, std::size_t) { return values; }
const float* asFloats(const BFloat16* values, float* buffer, std::size_t count) {
  toFloats(values, buffer, count);
  return buffer;
}

}  // namespace

template <class Operand>
void LatentPass<Operand>::addRecurrence(const float* z, float weight, const ContextGradient& sums) const {
  const std::size_t T = context_.tokens;
  const std::size_t B = context_.batch;
  const std::size_t R = rows_;
  const std::size_t H = context_.hiddenSize;
  const std::size_t Z = context_.latentSize;
  // Beside the vocabulary this is little work, and it is done in f32 whatever the operands are.
  const float* gates = asFloats(backward_.dGates, floatGates_, T * R * 4 * H);
  inParallel([&](const Worker& worker) {
    const Range steps = worker.share(context_.tokens);
    for (std::size_t t = steps.begin; t < static_cast<std::size_t>(steps.end); t++) {
      for (std::size_t r = 0; r < R; r++) {
        const float* from = gates + (t * R + r) * 4 * H;
        float* to = sums.wordGates + (t * B + r % B) * 4 * H;
#pragma omp simd
        for (std::size_t u = 0; u < 4 * H; u++) to[u] += weight * from[u];
      }
    }
  });
  // h_0 lies apart from the other states.
  addProduct(H, 4 * H, R, weight, asFloats(initial_, floatStates_, R * H), gates, sums.recurrentKernel);
  if (T > 1) {
    const float* states = asFloats(forward_.hidden, floatStates_, (T - 1) * R * H);
    addProduct(H, 4 * H, (T - 1) * R, weight, states, gates + R * 4 * H, sums.recurrentKernel);
  }
  addProduct(Z, 4 * H, R, weight, z, dGates_, sums.latentKernel);
  addProduct(Z, H, R, weight, z, dInitial_, sums.initialKernel);
  for (std::size_t r = 0; r < R; r++) {
    for (std::size_t u = 0; u < H; u++) sums.initialBias[u] += weight * dInitial_[r * H + u];
  }
}

template class LatentPass<float>;
template class LatentPass<BFloat16>;

namespace {

std::size_t rowsOf(const Arguments& args, const LatentContext& context) {
  const int rows = wholeNumberOf(args.get("rows"), "rows", 1, 1 << 24);
  if (rows % context.batch != 0) throw std::runtime_error("rows must be a multiple of batch");
  return rows;
}

}  // namespace

LatentCall::LatentCall(const Napi::CallbackInfo& info)
    : recurrent(recurrentOf(info[0])),
      vocabulary(vocabularyOf(info[1])),
      context(info[2], recurrent, vocabulary),
      args(info[3], "arguments"),
      rows(rowsOf(args, context)),
      latentSize(context.latentSize) {}

std::size_t bytesPerRow(const LatentContext& context, Wanted wanted) {
  const std::size_t statesKept = wanted == Wanted::nll          ? 2
                                 : wanted == Wanted::gradient   ? 8
                                 : wanted == Wanted::parameters ? 17
                                                                : 10;
  return (context.tokens * statesKept + 20) * context.hiddenSize * sizeof(float);
}

namespace {

void latentNll(const Napi::CallbackInfo& info) {
  const LatentCall call(info);
  const LatentContext& context = call.context;
  const Arguments& args = call.args;
  const std::size_t R = call.rows;
  const std::size_t Z = call.latentSize;
  const float* z = args.floats("z", R * Z);
  float* nll = args.floats("nll", R);
  computeInOperandOf(call.recurrent.precision(), [&](auto operand) {
    inPieces(R, context.batch, bytesPerRow(context, Wanted::nll), [&](int begin, int count) {
      const LatentPass<decltype(operand)> pass(call.recurrent, call.vocabulary, context, count, Wanted::nll,
                                               Workspace::fresh());
      inParallel([&](const Worker& worker) { pass.run(worker, z + begin * Z, nll + begin, nullptr); });
    });
  });
}

void latentGradient(const Napi::CallbackInfo& info) {
  const LatentCall call(info);
  const LatentContext& context = call.context;
  const Arguments& args = call.args;
  const std::size_t R = call.rows;
  const std::size_t Z = call.latentSize;
  const float* z = args.floats("z", R * Z);
  float* nll = args.floats("nll", R);
  float* gradient = args.floats("gradient", R * Z);
  computeInOperandOf(call.recurrent.precision(), [&](auto operand) {
    inPieces(R, context.batch, bytesPerRow(context, Wanted::gradient), [&](int begin, int count) {
      const LatentPass<decltype(operand)> pass(call.recurrent, call.vocabulary, context, count, Wanted::gradient,
                                               Workspace::fresh());
      inParallel([&](const Worker& worker) { pass.run(worker, z + begin * Z, nll + begin, gradient + begin * Z); });
    });
  });
}

void shortRun(const Napi::CallbackInfo& info) {
  const LatentCall call(info);
  const LatentContext& context = call.context;
  const Arguments& args = call.args;
  const std::size_t R = call.rows;
  const std::size_t Z = call.latentSize;
  const Napi::Value steps = args.get("stepSizes");
  const std::size_t K = steps.IsTypedArray() ? steps.As<Napi::TypedArray>().ElementLength() : 0;
  const float* stepSizes = args.floats("stepSizes", K);
  const float* z0 = args.floats("z0", R * Z);
  const float* noise = args.floats("noise", K * R * Z);
  const float temperature = static_cast<float>(args.number("temperature"));
  const float priorWeight = static_cast<float>(args.number("priorWeight"));
  float* zEnd = args.floats("z", R * Z);
  float* path = args.floatsOrNull("path", (K + 1) * R * Z);
  const float* weights = args.floatsOrNull("weights", K);
  std::optional<ContextGradient> sums;
  if (weights != nullptr) sums.emplace(args.get("gradient"), context, call.vocabulary.vocabularySize());
  const Wanted wanted = sums ? Wanted::parameters : Wanted::gradient;

  computeInOperandOf(call.recurrent.precision(), [&](auto operand) {
    inPieces(R, context.batch, bytesPerRow(context, wanted), [&](int begin, int count) {
      Workspace& workspace = Workspace::fresh();
      LatentPass<decltype(operand)> pass(call.recurrent, call.vocabulary, context, count, wanted, workspace);
      float* nll = workspace.take<float>(count);
      float* gradient = workspace.take<float>(count * Z);
      const std::size_t first = begin * Z;
      float* z = zEnd + first;
      const auto remember = [&](const Worker& worker, std::size_t k) {
        if (path == nullptr) return;
        pass.forOwnRows(worker, [&](Range rows) {
          std::memcpy(path + k * R * Z + first + rows.begin * Z, z + rows.begin * Z, rows.size() * Z * sizeof(float));
        });
      };
      const auto start = [&](const Worker& worker) {
        pass.forOwnRows(worker, [&](Range rows) {
          std::memcpy(z + rows.begin * Z, z0 + first + rows.begin * Z, rows.size() * Z * sizeof(float));
        });
        remember(worker, 0);
      };
      const auto move = [&](const Worker& worker, std::size_t k) {
        const float step = stepSizes[k];
        const float spread = temperature * std::sqrt(2.0f * step);
        const float* eps = noise + k * R * Z + first;
        pass.forOwnRows(worker, [&](Range rows) {
          for (std::size_t i = rows.begin * Z; i < rows.end * Z; i++) {
            z[i] = z[i] - step * (priorWeight * z[i] + gradient[i]) + spread * eps[i];
          }
        });
        remember(worker, k + 1);
      };
      if (!sums) {
        inParallel([&](const Worker& worker) {
          start(worker);
          for (std::size_t k = 0; k < K; k++) {
            pass.run(worker, z, nll, gradient);
            move(worker, k);
          }
        });
        return;
      }
      // The products of the recurrence are oneDNN's to run on all threads, so every step has regions of its own.
      pass.sumInto(*sums);
      inParallel(start);
      for (std::size_t k = 0; k < K; k++) {
        inParallel([&](const Worker& worker) { pass.run(worker, z, nll, gradient, weights[k]); });
        if (weights[k] != 0.0f) pass.addRecurrence(z, weights[k], *sums);
        inParallel([&](const Worker& worker) { move(worker, k); });
      }
    });
  });
}

}  // namespace

void defineLatent(Napi::Object& exports) {
  define(exports, "latentNll", latentNll);
  define(exports, "latentGradient", latentGradient);
  define(exports, "shortRun", shortRun);
}

}  // namespace sri
