#include "matrix-product.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "operands.h"

namespace sri {

namespace {

/** Rows of b that are packed together: long sums, and pieces enough for the threads to share. */
constexpr int kPieceRows = 512;

/** rounded = the `columns` numbers of each of `rows` rows, which lie `stride` apart, without what is between them. */
void roundBlock(const float* values, int stride, int rows, int columns, BFloat16* rounded) {
  for (int i = 0; i < rows; i++) {
    const float* row = values + static_cast<std::size_t>(i) * stride;
    BFloat16* to = rounded + static_cast<std::size_t>(i) * columns;
#pragma omp simd
    for (int j = 0; j < columns; j++) storeOperand(to + j, row[j]);
  }
}

}  // namespace

void MatrixProduct::run(Precision precision, const float* a, const float* b, float* out, Workspace& workspace) const {
  if (precision == Precision::bf16) return runRounded(a, b, out, workspace);
  const dnnl_status_t status = dnnl_sgemm(transposeA ? 'T' : 'N', transposeB ? 'T' : 'N', m, n, k, 1.0f, a,
                                          transposeA ? m : k, b, transposeB ? k : n, accumulate ? 1.0f : 0.0f, out, n);
  if (status != dnnl_success) throw std::runtime_error("oneDNN's sgemm failed");
}

/**
 * b is packed a piece of its rows at a time; then threads own rows of the result. What a thread multiplies with a piece
 * is rounded into a block of its own.
 */
void MatrixProduct::runRounded(const float* a, const float* b, float* out, Workspace& workspace) const {
  BFloat16* left = workspace.take<BFloat16>(static_cast<std::size_t>(m) * k);
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
      return Product::of({rows, size, n, transposeA, accumulate || i > 0, Precision::bf16});
    };
    products.push_back({product(m / workers), product((m + workers - 1) / workers)});
  }
  inParallel(workers, [&](const Worker& worker) {
    const auto blockOf = [&](Range rows, Range piece) {
      return left + static_cast<std::size_t>(rows.begin) * k + static_cast<std::size_t>(piece.begin) * rows.size();
    };
    for (int i = 0; i < pieces; i++) {
      const Range piece = shareOf(k, i, pieces);
      const std::size_t first = piece.begin;
      if (i % worker.count == worker.index) right[i]->pack(b + first * rightStrideK, rightStrideK, strideN);
      worker.forShares(m, workers, [&](Range rows) {
        const std::size_t firstRow = rows.begin;
        if (transposeA) {
          roundBlock(a + first * m + firstRow, m, piece.size(), rows.size(), blockOf(rows, piece));
        } else {
          roundBlock(a + firstRow * k + first, k, rows.size(), piece.size(), blockOf(rows, piece));
        }
      });
    }
    worker.wait();
    for (int i = 0; i < pieces; i++) {
      worker.forShares(m, workers, [&](Range rows) {
        products[i][rows.size() > m / workers]->run(worker, blockOf(rows, shareOf(k, i, pieces)), *right[i],
                                                    out + static_cast<std::size_t>(rows.begin) * n);
      });
    }
  });
}

}  // namespace sri
