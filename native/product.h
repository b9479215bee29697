// Matrix products through oneDNN. The right-hand operand is packed once into the layout that oneDNN prefers and then
// multiplied many times; a product runs on the one thread that calls it, so that the threads of a parallel region can
// each run their own.
#pragma once

#include <atomic>
#include <dnnl.hpp>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "threads.h"
#include "vector-math.h"
#include "workspace.h"

namespace sri {

enum class Precision { f32, bf16 };

template <class Operand>
constexpr Precision precisionOf() {
  return sizeof(Operand) == 2 ? Precision::bf16 : Precision::f32;
}

/** Whether oneDNN multiplies bf16 operands by instructions of this processor. */
bool processorHasBFloat16();

const dnnl::engine& cpuEngine();

/** A right-hand operand `[k, n]`. */
class PackedMatrix {
 public:
  PackedMatrix(int k, int n, Precision precision);

  /**
   * Element (i, j) is `values[i * strideK + j * strideN]`. Runs on the calling thread.
   * `prepare` with the same strides must have run outside of any parallel region.
   */
  void pack(const float* values, int strideK, int strideN);
  void prepare(int strideK, int strideN);

  int k() const { return k_; }
  int n() const { return n_; }
  Precision precision() const { return precision_; }
  dnnl_memory_t memory() const { return memory_.get(); }

 private:
  int k_;
  int n_;
  Precision precision_;
  dnnl::memory memory_;
  AlignedBuffer storage_;
  int strideK_ = 0;
  int strideN_ = 0;
  dnnl::memory source_;
  dnnl::reorder reorder_;
};

struct ProductShape {
  int m;
  int k;
  int n;
  /** Whether the left-hand operand lies as its transpose `[k, m]`. */
  bool transposed;
  /** Add to what the result holds. */
  bool accumulate;
  Precision precision;

  bool operator<(const ProductShape& other) const;
};

/**
 * c `[m, n]` = a `[m, k]` times a packed `[k, n]`; a is of the shape's precision, c is f32. The rows of either lie close
 * together: for others oneDNN has no fast product, and takes loops that are a thousand times slower without a word.
 */
class Product {
 public:
  explicit Product(const ProductShape& shape);

  /** Runs on the calling thread. A failure is remembered for `ProductCache::throwIfFailed`. */
  void run(const Worker& worker, const void* a, const PackedMatrix& b, float* c) const;

  /**
   * The product of this shape for `threadCount()` threads, made at the first request. Call outside of parallel regions;
   * valid as long as the `compute` it was asked for in.
   */
  static const Product* of(const ProductShape& shape);

 private:
  /** What a thread tells oneDNN at each call; its own, because the pointers in it change. */
  struct Slot {
    dnnl::stream stream;
    dnnl::memory a;
    dnnl::memory c;
    dnnl::memory scratch;
  };

  void addSlots(int threads);

  dnnl::matmul primitive_;
  dnnl::memory::desc a_;
  dnnl::memory::desc c_;
  dnnl::memory::desc scratch_;
  mutable std::vector<Slot> slots_;
};

/** The products of all shapes that were asked for, what they share, and whether one of them failed. */
struct ProductCache {
  std::map<ProductShape, std::unique_ptr<Product>> made;
  /** The layout of a packed `[k, n]`, as a product with a good number of rows wants it. */
  std::map<std::tuple<int, int, Precision>, dnnl::memory::desc> layouts;
  /** Scratch memory of each thread, shared by all its products so that it stays in its cache. */
  std::vector<std::unique_ptr<AlignedBuffer>> scratchOfThread;
  /** oneDNN's status of the last product or packing that failed. */
  std::atomic<int> failure{dnnl_success};

  /** At the start of every computation: lets go of the products once they are too many. */
  void begin();
  /** After a parallel region: throws std::runtime_error if a product in it failed. */
  void throwIfFailed();
};

}  // namespace sri
