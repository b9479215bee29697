// Rows of a table by index, and the gradient as the rows that were read: a batch touches a few hundred of a
// vocabulary's ten thousand.

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "arguments.h"
#include "context.h"
#include "product.h"
#include "small-operations.h"

namespace sri {

namespace {

constexpr int kMostNumbers = 1 << 24;

Napi::Int32Array idsOf(const Napi::Value& value) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
    throw Napi::TypeError::New(value.Env(), "ids must be an Int32Array");
  }
  return value.As<Napi::Int32Array>();
}

void embeddingForward(const Napi::CallbackInfo& info) {
  const std::size_t size = wholeNumberOf(info[3], "rowSize", 1, kMostNumbers);
  const Napi::Int32Array ids = idsOf(info[1]);
  const std::size_t count = ids.ElementLength();
  if (!info[0].IsTypedArray()) throw Napi::TypeError::New(info.Env(), "table must be a Float32Array");
  const std::size_t length = info[0].As<Napi::TypedArray>().ElementLength();
  const float* table = floatsOf(info[0], "table", length / size * size);
  float* out = floatsOf(info[2], "out", count * size);
  checkRows(ids.Data(), count, static_cast<int>(length / size), "ids");
  const std::int32_t* id = ids.Data();
  compute([&] {
    inParallel(threadsFor(count * size), [&](const Worker& worker) {
      const Range mine = worker.share(static_cast<int>(count));
      for (std::size_t i = mine.begin; i < static_cast<std::size_t>(mine.end); i++) {
        std::memcpy(out + i * size, table + id[i] * size, size * sizeof(float));
      }
    });
  });
}

Napi::Value embeddingGradient(const Napi::CallbackInfo& info) {
  const std::size_t size = wholeNumberOf(info[2], "rowSize", 1, kMostNumbers);
  const Napi::Int32Array ids = idsOf(info[0]);
  const std::size_t count = ids.ElementLength();
  const float* dOut = floatsOf(info[1], "dOut", count * size);
  const std::int32_t* id = ids.Data();
  // Positions grouped by id; within an id in their order, which fixes the order of the sum.
  std::vector<int> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [id](int a, int b) { return id[a] < id[b]; });
  std::vector<int> starts;
  for (std::size_t i = 0; i < count; i++) {
    if (i == 0 || id[order[i]] != id[order[i - 1]]) starts.push_back(static_cast<int>(i));
  }
  const std::size_t unique = starts.size();
  starts.push_back(static_cast<int>(count));

  Napi::Int32Array rows = Napi::Int32Array::New(info.Env(), unique);
  Napi::Float32Array values = Napi::Float32Array::New(info.Env(), unique * size);
  std::int32_t* row = rows.Data();
  float* value = values.Data();
  compute([&] {
    inParallel(threadsFor(count * size), [&](const Worker& worker) {
      const Range mine = worker.share(static_cast<int>(unique));
      for (int u = mine.begin; u < mine.end; u++) {
        row[u] = id[order[starts[u]]];
        float* sum = value + u * size;
        std::memcpy(sum, dOut + order[starts[u]] * size, size * sizeof(float));
        for (int i = starts[u] + 1; i < starts[u + 1]; i++) {
          const float* add = dOut + order[i] * size;
          for (std::size_t j = 0; j < size; j++) sum[j] += add[j];
        }
      }
    });
  });
  const Napi::Object gradient = Napi::Object::New(info.Env());
  gradient.Set("rows", rows);
  gradient.Set("values", values);
  return gradient;
}

}  // namespace

void defineEmbedding(Napi::Object& exports) {
  define(exports, "embeddingForward", embeddingForward);
  define(exports, "embeddingGradient", embeddingGradient);
}

}  // namespace sri
