// Dropout masks from Philox4x32-10 (Salmon et al., SC 2011), bit for bit those of src/random/philox.ts: block i of a
// stream is the cipher of counter (i, c1, c2, c3), and element j of a mask is decided by word j % 4 of block j / 4.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "arguments.h"
#include "context.h"
#include "product.h"
#include "small-operations.h"

namespace sri {

namespace {

/** Blocks enciphered together: as many as the widest vectors hold, each word in a vector of its own. */
constexpr int kLanes = 16;

struct Stream {
  std::uint32_t key0, key1, counter1, counter2, counter3;
};

/** words[w][lane] is word w of block `first + lane`. */
inline void philoxBlocks(const Stream& stream, std::uint32_t first, std::uint32_t words[4][kLanes]) {
#pragma omp simd
  for (int lane = 0; lane < kLanes; lane++) {
    std::uint32_t c0 = first + lane;
    std::uint32_t c1 = stream.counter1;
    std::uint32_t c2 = stream.counter2;
    std::uint32_t c3 = stream.counter3;
    std::uint32_t k0 = stream.key0;
    std::uint32_t k1 = stream.key1;
    for (int round = 0; round < 10; round++) {
      const std::uint64_t product0 = std::uint64_t{0xd2511f53u} * c0;
      const std::uint64_t product1 = std::uint64_t{0xcd9e8d57u} * c2;
      c0 = static_cast<std::uint32_t>(product1 >> 32) ^ c1 ^ k0;
      c1 = static_cast<std::uint32_t>(product1);
      c2 = static_cast<std::uint32_t>(product0 >> 32) ^ c3 ^ k1;
      c3 = static_cast<std::uint32_t>(product0);
      k0 += 0x9e3779b9u;
      k1 += 0xbb67ae85u;
    }
    words[0][lane] = c0;
    words[1][lane] = c1;
    words[2][lane] = c2;
    words[3][lane] = c3;
  }
}

std::uint32_t wordOf(const Napi::Value& value, const char* name) {
  const double number = numberOf(value, name);
  if (!(number >= 0.0 && number <= 4294967295.0)) throw std::runtime_error(std::string(name) + " must be 32 bits");
  return static_cast<std::uint32_t>(number);
}

void dropoutMask(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray()) throw Napi::TypeError::New(info.Env(), "out must be a Float32Array");
  const std::size_t count = info[0].As<Napi::TypedArray>().ElementLength();
  float* out = floatsOf(info[0], "out", count);
  const Stream stream{wordOf(info[1], "key0"), wordOf(info[2], "key1"), wordOf(info[3], "counter1"),
                      wordOf(info[4], "counter2"), wordOf(info[5], "counter3")};
  const double rate = numberOf(info[6], "rate");
  if (!(rate >= 0.0 && rate < 1.0)) throw std::runtime_error("rate must be in [0, 1)");
  // word / 2^32 < rate, exactly: both sides times 2^32 are exact in double precision, so the bound is the ceiling.
  const std::uint64_t bound = static_cast<std::uint64_t>(std::ceil(rate * 4294967296.0));
  const float kept = static_cast<float>(1.0 / (1.0 - rate));
  constexpr int kGroup = 4 * kLanes;
  compute([&] {
    inParallel(threadsFor(count), [&](const Worker& worker) {
      const Range groups = worker.share(static_cast<int>((count + kGroup - 1) / kGroup));
      for (int group = groups.begin; group < groups.end; group++) {
        std::uint32_t words[4][kLanes];
        float mask[kGroup];
        philoxBlocks(stream, static_cast<std::uint32_t>(group) * kLanes, words);
        for (int lane = 0; lane < kLanes; lane++) {
          for (int word = 0; word < 4; word++) mask[4 * lane + word] = words[word][lane] < bound ? 0.0f : kept;
        }
        const std::size_t begin = static_cast<std::size_t>(group) * kGroup;
        std::copy_n(mask, std::min<std::size_t>(kGroup, count - begin), out + begin);
      }
    });
  });
}

}  // namespace

void defineDropoutMask(Napi::Object& exports) { define(exports, "dropoutMask", dropoutMask); }

}  // namespace sri
