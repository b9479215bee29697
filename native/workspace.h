// Memory that a call needs while it runs. It is kept from call to call: fresh pages cost more than the arithmetic on
// them. One workspace serves all operations, since they compute one after another.
#pragma once

#include <cstddef>
#include <vector>

namespace sri {

class Workspace {
 public:
  /** The context's workspace, everything in it free again. Pointers taken before become invalid. */
  static Workspace& fresh();

  Workspace() = default;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace();

  /** `count` values, not initialized, on a cache line of their own. */
  template <class T>
  T* take(std::size_t count) {
    return static_cast<T*>(takeBytes(count * sizeof(T)));
  }

 private:
  struct Chunk {
    char* data;
    std::size_t size;
  };

  void* takeBytes(std::size_t bytes);
  void reset();

  std::vector<Chunk> chunks_;
  std::size_t used_ = 0;
};

/** Memory on huge pages where the system has them, for what lives longer than a call. */
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer();

  /** At least `bytes`; what was in it may be lost. */
  void reserve(std::size_t bytes);
  void* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sri
