#include "workspace.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "context.h"

namespace sri {

namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kPage = std::size_t{1} << 21;

std::size_t roundUp(std::size_t value, std::size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

char* allocate(std::size_t bytes) {
  const std::size_t alignment = bytes >= kPage ? kPage : kLine;
  void* data = nullptr;
  if (posix_memalign(&data, alignment, bytes) != 0) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (alignment == kPage) madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return static_cast<char*>(data);
}

}  // namespace

Workspace& Workspace::fresh() {
  Workspace& workspace = process().workspace;
  workspace.reset();
  return workspace;
}

Workspace::~Workspace() {
  for (const Chunk& chunk : chunks_) std::free(chunk.data);
}

void Workspace::reset() {
  used_ = 0;
  if (chunks_.size() < 2) return;
  // The last call outgrew the chunk: one that holds it all, so that the next call of its kind allocates nothing.
  std::size_t total = 0;
  for (const Chunk& chunk : chunks_) {
    total += chunk.size;
    std::free(chunk.data);
  }
  chunks_.clear();
  total = roundUp(total, kPage);
  chunks_.push_back({allocate(total), total});
}

void* Workspace::takeBytes(std::size_t bytes) {
  bytes = roundUp(std::max<std::size_t>(bytes, 1), kLine);
  if (chunks_.empty() || used_ + bytes > chunks_.back().size) {
    const std::size_t size = roundUp(bytes, kPage);
    chunks_.push_back({allocate(size), size});
    used_ = 0;
  }
  void* taken = chunks_.back().data + used_;
  // Buffers whose sizes are powers of two would otherwise all start in the same sets of the cache.
  used_ += bytes + kLine;
  return taken;
}

AlignedBuffer::~AlignedBuffer() { std::free(data_); }

void AlignedBuffer::reserve(std::size_t bytes) {
  if (bytes <= size_) return;
  std::free(data_);
  data_ = nullptr;
  size_ = 0;
  const std::size_t rounded = roundUp(bytes, bytes >= kPage ? kPage : kLine);
  data_ = allocate(rounded);
  size_ = rounded;
}

}  // namespace sri
