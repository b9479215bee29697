// One GPU with its queue of work: buffers, compiled shaders, and dispatches that are recorded and handed over together.
// Plain C++, no JavaScript. Every call may throw GpuError.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "library.h"

/** What went wrong, and of which kind: the program says other things of a lost device than of a full one. */
class GpuError : public std::runtime_error {
 public:
  enum class Kind { NoAdapter, Lost, OutOfMemory, Shader, Other };
  GpuError(Kind kind, const std::string& message) : std::runtime_error(message), kind(kind) {}
  const Kind kind;
};

struct AdapterFacts {
  std::string name;
  std::string driver;
  std::string interface;
  /** Emulated on the processor. */
  bool software;
  std::string libraryVersion;
  uint64_t maxBufferSize;
  uint64_t maxBindingSize;
  uint32_t maxWorkgroupMemory;
  uint32_t maxInvocations;
  uint32_t maxBindings;
  uint32_t maxWorkgroups;
};

class Device {
 public:
  /** The fastest adapter of the system, with all that it allows. */
  explicit Device(const std::string& libraryPath);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const AdapterFacts& facts() const { return facts_; }

  /** A buffer of `bytes`, a multiple of 4, all zero. Returns its number. */
  uint32_t createBuffer(uint64_t bytes);
  /** The memory is freed once the device is done with what was submitted. */
  void destroyBuffer(uint32_t buffer);
  /** Whether recorded, not yet submitted work refers to the buffer. */
  bool isPending(uint32_t buffer) const;

  /** Takes effect after all that was recorded before. */
  void write(uint32_t buffer, const void* data, size_t bytes);
  /** Submits what is recorded, waits for it, and copies `bytes` from the buffer's beginning. */
  void read(uint32_t buffer, void* out, size_t bytes);

  /** Compiles WGSL whose entry point is `main`. Returns the pipeline's number. */
  uint32_t createPipeline(const std::string& name, const std::string& code);

  /**
   * Records one dispatch: binding 0 is a uniform that holds `parameters` (at most 64 words), bindings 1, 2, ... are the
   * buffers in order. Dispatches see the results of those before them.
   */
  void dispatch(uint32_t pipeline, const std::vector<uint32_t>& buffers, const uint32_t* parameters,
                size_t parameterCount, uint32_t x, uint32_t y, uint32_t z);

  /** Hands over what is recorded, as one submission. */
  void flush();
  /** The same, and waits until the device is done. */
  void wait();

  /** Gives the device up; every later call says that it is lost. */
  void destroy();

  uint64_t dispatches() const { return dispatches_; }
  uint64_t submissions() const { return submissions_; }

 private:
  struct Buffer {
    WGPUBuffer handle;
    uint64_t bytes;
    /** The batch in which it was last used; see batch_. */
    uint64_t batch;
  };
  struct Pipeline {
    WGPUComputePipeline handle;
    WGPUBindGroupLayout layout;
    std::string name;
  };
  struct Command {
    WGPUComputePipeline pipeline;
    WGPUBindGroup group;
    uint32_t x, y, z;
  };

  void openDevice();
  WGPUBuffer newBuffer(uint64_t bytes, WGPUBufferUsage usage);
  Buffer& bufferOf(uint32_t number);
  /** Throws what the library has reported since the last check. */
  void check();
  void reported(WGPUErrorType type, const std::string& message);
  void submit(WGPUCommandEncoder encoder);
  void releaseCommands();

  Library library_;
  AdapterFacts facts_{};
  WGPUInstance instance_ = nullptr;
  WGPUAdapter adapter_ = nullptr;
  WGPUDevice device_ = nullptr;
  WGPUQueue queue_ = nullptr;

  std::vector<Buffer> buffers_;
  std::vector<uint32_t> freeNumbers_;
  std::vector<Pipeline> pipelines_;

  /** The dispatches since the last submission, and their parameters, a slot each. */
  std::vector<Command> commands_;
  std::vector<uint32_t> parameters_;
  WGPUBuffer parameterBuffer_ = nullptr;
  /** The number of the submission that is being recorded. */
  uint64_t batch_ = 1;
  uint64_t dispatches_ = 0;
  uint64_t submissions_ = 0;

  /** Where reads land on the processor's side. */
  WGPUBuffer staging_ = nullptr;
  uint64_t stagingBytes_ = 0;

  /** The library may report from a thread of its own. */
  std::mutex errorsMutex_;
  std::unique_ptr<GpuError> error_;
  bool lost_ = false;
  std::string lostReason_;
};
