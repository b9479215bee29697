#include "matrix-product.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "operands.h"

namespace sri {

namespace {

/** Rows of b that are packed together: long sums, and pieces enough for the threads to share. */
constexpr int kPieceRows = 512;

}  // namespace

void MatrixProduct::run(Precision precision, const float* a, const float* b, float* out, Workspace& workspace) const {
  if (precision == Precision::bf16) return runRounded(a, b, out, workspace);
  const dnnl_status_t status = dnnl_sgemm(transposeA ? 'T' : 'N', transposeB ? 'T' : 'N', m, n, k, 1.0f, a,
                                          transposeA ? m : k, b, transposeB ? k : n, accumulate ? 1.0f : 0.0f, out, n);
  if (status != dnnl_success) throw std::runtime_error("oneDNN's sgemm failed");
}

/** b is packed a piece of its rows at a time; then threads own rows of the result. */
void MatrixProduct::runRounded(const float* a, const float* b, float* out, Workspace& workspace) const {
  const BFloat16* left = asOperands<BFloat16>(a, static_cast<std::size_t>(m) * k, workspace);
  const int strideM = transposeA ? 1 : k;
  const int leftStrideK = transposeA ? m : 1;
  const int rightStrideK = transposeB ? 1 : n;
  const int strideN = transposeB ? k : 1;

  const int pieces = (k + kPieceRows - 1) / kPieceRows;
  const int workers = std::min(m, threadCount());
  std::vector<std::unique_ptr<PackedMatrix>> right;
  // Of each piece, for the fewest rows that a thread owns and for the most.
  std::vector<std::array<const Product*, 2>> products;
  for (int i = 0; i < pieces; i++) {
    const int size = shareOf(k, i, pieces).size();
    right.push_back(std::make_unique<PackedMatrix>(size, n, Precision::bf16));
    right.back()->prepare(rightStrideK, strideN);
    const auto product = [&](int rows) {
      return Product::of({rows, size, n, strideM, leftStrideK, accumulate || i > 0, Precision::bf16});
    };
    products.push_back({product(m / workers), product((m + workers - 1) / workers)});
  }
  inParallel(workers, [&](const Worker& worker) {
    for (int i = worker.index; i < pieces; i += worker.count) {
      const std::size_t first = shareOf(k, i, pieces).begin;
      right[i]->pack(b + first * rightStrideK, rightStrideK, strideN);
    }
    worker.wait();
    const Range rows = worker.share(m);
    for (int i = 0; i < pieces; i++) {
      const std::size_t first = shareOf(k, i, pieces).begin;
      const BFloat16* from = left + static_cast<std::size_t>(rows.begin) * strideM + first * leftStrideK;
      products[i][rows.size() > m / workers]->run(worker, from, *right[i],
                                                  out + static_cast<std::size_t>(rows.begin) * n);
    }
  });
}

}  // namespace sri
