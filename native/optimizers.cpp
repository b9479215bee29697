// Updates of the parameters, one pass over memory each, and the norm that clipping needs. A gradient may come as the
// few rows of a table that are not zero; the update is the dense one all the same.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "arguments.h"
#include "context.h"
#include "product.h"
#include "small-operations.h"

namespace sri {

namespace {

struct Gradient {
  bool sparse = false;
  /** Of a sparse gradient, the ascending rows that `values` holds. */
  const std::int32_t* rows = nullptr;
  std::size_t count = 0;
  std::size_t rowSize = 0;
  const float* values = nullptr;
};

struct Parameter {
  float* values;
  std::size_t size;
  Gradient gradient;
};

std::size_t lengthOf(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray()) throw Napi::TypeError::New(value.Env(), std::string(name) + " must be a Float32Array");
  return value.As<Napi::TypedArray>().ElementLength();
}

Parameter parameterOf(const Arguments& args) {
  Parameter parameter;
  parameter.size = lengthOf(args.get("parameter"), "parameter");
  parameter.values = args.floats("parameter", parameter.size);
  const Napi::Value value = args.get("gradient");
  Gradient& gradient = parameter.gradient;
  if (value.IsTypedArray()) {
    gradient.values = floatsOf(value, "gradient", parameter.size);
    return parameter;
  }
  const Arguments sparse(value, "gradient");
  gradient.sparse = true;
  gradient.rowSize = args.count("rowSize");
  gradient.count = lengthOf(sparse.get("rows"), "gradient.rows");
  gradient.rows = sparse.integers("rows", gradient.count);
  gradient.values = sparse.floats("values", gradient.count * gradient.rowSize);
  if (parameter.size % gradient.rowSize != 0) throw std::runtime_error("parameter is not a whole number of rows");
  checkRows(gradient.rows, gradient.count, static_cast<int>(parameter.size / gradient.rowSize), "gradient.rows");
  for (std::size_t i = 1; i < gradient.count; i++) {
    if (gradient.rows[i] <= gradient.rows[i - 1]) throw std::runtime_error("gradient.rows must ascend");
  }
  return parameter;
}

/** Calls `update(begin, end, gradient or null)` over a worker's share of the parameter. */
template <class Update>
void overShare(const Worker& worker, const Parameter& parameter, const Update& update) {
  const Gradient& gradient = parameter.gradient;
  if (!gradient.sparse) {
    // Shares in units of a cache line, so that any size fits an int.
    const Range lines = worker.share(static_cast<int>((parameter.size + 15) / 16));
    const std::size_t begin = std::size_t{16} * lines.begin;
    const std::size_t end = std::min(parameter.size, std::size_t{16} * lines.end);
    if (begin < end) update(begin, end, gradient.values + begin);
    return;
  }
  const std::size_t size = gradient.rowSize;
  const Range rows = worker.share(static_cast<int>(parameter.size / size));
  std::size_t next = std::lower_bound(gradient.rows, gradient.rows + gradient.count, rows.begin) - gradient.rows;
  int row = rows.begin;
  while (row < rows.end) {
    if (next < gradient.count && gradient.rows[next] == row) {
      update(row * size, (row + 1) * size, gradient.values + next * size);
      next++;
      row++;
      continue;
    }
    const int until = next < gradient.count ? std::min(rows.end, gradient.rows[next]) : rows.end;
    update(row * size, until * size, nullptr);
    row = until;
  }
}

double squaredSum(const float* values, std::size_t count) {
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t i = 0; i < count; i++) {
    const double value = values[i];
    sum += value * value;
  }
  return sum;
}

void adam(const Napi::CallbackInfo& info) {
  const Arguments args(info[0], "arguments");
  const Parameter parameter = parameterOf(args);
  float* first = args.floats("firstMoment", parameter.size);
  float* second = args.floats("secondMoment", parameter.size);
  const double b1 = args.number("beta1");
  const double b2 = args.number("beta2");
  const int step = args.count("step");
  const float beta1 = static_cast<float>(b1);
  const float beta2 = static_cast<float>(b2);
  const float scale1 = static_cast<float>((1.0 - b1) * args.number("gradientScale"));
  const float scale2 = static_cast<float>(1.0 - b2);
  const float scale = static_cast<float>(args.number("gradientScale"));
  const float stepSize = static_cast<float>(args.number("learningRate") / (1.0 - std::pow(b1, step)));
  const float correction = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(b2, step)));
  const float epsilon = static_cast<float>(args.number("epsilon"));
  compute([&] {
    inParallel(threadsFor(parameter.size), [&](const Worker& worker) {
      overShare(worker, parameter, [&](std::size_t begin, std::size_t end, const float* gradient) {
        float* p = parameter.values + begin;
        float* m = first + begin;
        float* v = second + begin;
        const std::size_t count = end - begin;
        if (gradient == nullptr) {
#pragma omp simd
          for (std::size_t i = 0; i < count; i++) {
            m[i] *= beta1;
            v[i] *= beta2;
            p[i] -= stepSize * m[i] / (std::sqrt(v[i]) * correction + epsilon);
          }
        } else {
#pragma omp simd
          for (std::size_t i = 0; i < count; i++) {
            const float g = gradient[i] * scale;
            m[i] = beta1 * m[i] + scale1 * gradient[i];
            v[i] = beta2 * v[i] + scale2 * g * g;
            p[i] -= stepSize * m[i] / (std::sqrt(v[i]) * correction + epsilon);
          }
        }
      });
    });
  });
}

void sgd(const Napi::CallbackInfo& info) {
  const Arguments args(info[0], "arguments");
  const Parameter parameter = parameterOf(args);
  const float rate = static_cast<float>(args.number("learningRate") * args.number("gradientScale"));
  compute([&] {
    inParallel(threadsFor(parameter.size), [&](const Worker& worker) {
      overShare(worker, parameter, [&](std::size_t begin, std::size_t end, const float* gradient) {
        if (gradient == nullptr) return;
        float* p = parameter.values + begin;
#pragma omp simd
        for (std::size_t i = 0; i < end - begin; i++) p[i] -= rate * gradient[i];
      });
    });
  });
}

Napi::Value squaredNorm(const Napi::CallbackInfo& info) {
  const std::size_t count = lengthOf(info[0], "values");
  const float* values = floatsOf(info[0], "values", count);
  double total = 0.0;
  compute([&] {
    std::vector<double> sums(threadCount(), 0.0);
    inParallel(threadsFor(count), [&](const Worker& worker) {
      const Range lines = worker.share(static_cast<int>((count + 15) / 16));
      const std::size_t begin = std::size_t{16} * lines.begin;
      const std::size_t end = std::min(count, std::size_t{16} * lines.end);
      sums[worker.index] = begin < end ? squaredSum(values + begin, end - begin) : 0.0;
    });
    for (const double sum : sums) total += sum;
  });
  return Napi::Number::New(info.Env(), total);
}

}  // namespace

void defineOptimizers(Napi::Object& exports) {
  define(exports, "adam", adam);
  define(exports, "sgd", sgd);
  define(exports, "squaredNorm", squaredNorm);
}

}  // namespace sri
