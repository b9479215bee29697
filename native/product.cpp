#include "product.h"

#include <omp.h>

#include <stdexcept>
#include <string>

#include "context.h"

namespace sri {

namespace {

using Desc = dnnl::memory::desc;
using Dims = dnnl::memory::dims;

constexpr std::size_t kProductsKept = 1500;

/** While it lives, what is made of oneDNN's primitives is made for one thread. */
class ForOneThread {
 public:
  ForOneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~ForOneThread() { omp_set_num_threads(before_); }

 private:
  int before_;
};

dnnl::memory::data_type typeOf(Precision precision) {
  return precision == Precision::f32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
}

dnnl::matmul::primitive_desc describe(const Desc& a, const Desc& b, const Desc& c, bool accumulate) {
  dnnl::primitive_attr attributes;
  // The library's own scratchpads belong to the thread that made the primitive; several threads would share one.
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
#if DNNL_VERSION_MAJOR >= 3
  return dnnl::matmul::primitive_desc(cpuEngine(), a, b, c, attributes);
#else
  return dnnl::matmul::primitive_desc(dnnl::matmul::desc(a, b, c), attributes, cpuEngine());
#endif
}

const Desc& packedLayout(int k, int n, Precision precision) {
  auto& layouts = process().products.layouts;
  const auto key = std::make_tuple(k, n, precision);
  const auto found = layouts.find(key);
  if (found != layouts.end()) return found->second;
  const ForOneThread guard;
  constexpr int kRows = 128;
  const auto type = typeOf(precision);
  const Desc a({kRows, k}, type, Dims{k, 1});
  const Desc b({k, n}, type, dnnl::memory::format_tag::any);
  const Desc c({kRows, n}, dnnl::memory::data_type::f32, Dims{n, 1});
  return layouts.emplace(key, describe(a, b, c, false).weights_desc()).first->second;
}

}  // namespace

const dnnl::engine& cpuEngine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

bool processorHasBFloat16() {
#if defined(__x86_64__)
  // oneDNN's names of instruction sets are bit masks.
  return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
#else
  return false;
#endif
}

PackedMatrix::PackedMatrix(int k, int n, Precision precision) : k_(k), n_(n), precision_(precision) {
  const Desc& layout = packedLayout(k, n, precision);
  storage_.reserve(layout.get_size());
  memory_ = dnnl::memory(layout, cpuEngine(), storage_.data());
}

void PackedMatrix::prepare(int strideK, int strideN) {
  if (strideK == strideK_ && strideN == strideN_) return;
  const ForOneThread guard;
  const Desc from({k_, n_}, dnnl::memory::data_type::f32, Dims{strideK, strideN});
  source_ = dnnl::memory(from, cpuEngine(), nullptr);
  reorder_ = dnnl::reorder(source_, memory_);
  strideK_ = strideK;
  strideN_ = strideN;
}

void PackedMatrix::pack(const float* values, int strideK, int strideN) {
  if (strideK != strideK_ || strideN != strideN_) {
    process().products.failure = dnnl_invalid_arguments;
    return;
  }
  dnnl::stream stream(cpuEngine());
  source_.set_data_handle(const_cast<float*>(values));
  const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, source_.get()}, {DNNL_ARG_TO, memory_.get()}};
  const dnnl_status_t status = dnnl_primitive_execute(reorder_.get(), stream.get(), 2, arguments);
  if (status != dnnl_success) process().products.failure = status;
}

bool ProductShape::operator<(const ProductShape& other) const {
  const auto key = [](const ProductShape& s) {
    return std::tie(s.m, s.k, s.n, s.transposed, s.accumulate, s.precision);
  };
  return key(*this) < key(other);
}

Product::Product(const ProductShape& shape) {
  const ForOneThread guard;
  const auto type = typeOf(shape.precision);
  const Desc& packed = packedLayout(shape.k, shape.n, shape.precision);
  a_ = Desc({shape.m, shape.k}, type, shape.transposed ? Dims{1, shape.m} : Dims{shape.k, 1});
  c_ = Desc({shape.m, shape.n}, dnnl::memory::data_type::f32, Dims{shape.n, 1});
  const Desc any({shape.k, shape.n}, type, dnnl::memory::format_tag::any);
  auto description = describe(a_, any, c_, shape.accumulate);
  // For some numbers of rows oneDNN would rather have another layout; the operand is packed already, so it has to do.
  if (description.weights_desc() != packed) description = describe(a_, packed, c_, shape.accumulate);
  primitive_ = dnnl::matmul(description);
  scratch_ = description.scratchpad_desc();
}

void Product::addSlots(int threads) {
  auto& scratchOfThread = process().products.scratchOfThread;
  while (static_cast<int>(scratchOfThread.size()) < threads) {
    scratchOfThread.push_back(std::make_unique<AlignedBuffer>());
  }
  for (int i = 0; i < threads; i++) scratchOfThread[i]->reserve(scratch_.get_size());
  while (static_cast<int>(slots_.size()) < threads) {
    Slot slot;
    slot.stream = dnnl::stream(cpuEngine());
    slot.a = dnnl::memory(a_, cpuEngine(), nullptr);
    slot.c = dnnl::memory(c_, cpuEngine(), nullptr);
    slot.scratch = dnnl::memory(scratch_, cpuEngine(), nullptr);
    slots_.push_back(std::move(slot));
  }
}

void Product::run(const Worker& worker, const void* a, const PackedMatrix& b, float* c) const {
  Slot& slot = slots_[worker.index];
  slot.a.set_data_handle(const_cast<void*>(a));
  slot.c.set_data_handle(c);
  slot.scratch.set_data_handle(process().products.scratchOfThread[worker.index]->data());
  const dnnl_exec_arg_t arguments[] = {
      {DNNL_ARG_SRC, slot.a.get()},
      {DNNL_ARG_WEIGHTS, b.memory()},
      {DNNL_ARG_DST, slot.c.get()},
      {DNNL_ARG_SCRATCHPAD, slot.scratch.get()},
  };
  const dnnl_status_t status = dnnl_primitive_execute(primitive_.get(), slot.stream.get(), 4, arguments);
  if (status != dnnl_success) process().products.failure = status;
}

const Product* Product::of(const ProductShape& shape) {
  auto& product = process().products.made[shape];
  if (!product) product = std::make_unique<Product>(shape);
  product->addSlots(threadCount());
  return product.get();
}

void ProductCache::begin() {
  // Batches of new lengths bring new shapes for as long as a process lives.
  if (made.size() > kProductsKept) made.clear();
  failure = dnnl_success;
}

void ProductCache::throwIfFailed() {
  const int status = failure.exchange(dnnl_success);
  if (status != dnnl_success) throw std::runtime_error("oneDNN failed with status " + std::to_string(status));
}

}  // namespace sri
