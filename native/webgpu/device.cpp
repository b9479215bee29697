#include "device.h"

#include <algorithm>
#include <cstring>

namespace {

/** Offsets of uniforms are multiples of this on every device. */
constexpr size_t SLOT_BYTES = 256;
constexpr size_t SLOT_WORDS = SLOT_BYTES / 4;
/** Dispatches that are recorded at most before they are submitted. */
constexpr size_t MAX_RECORDED = 256;
/** Bytes that one read brings over at once, at most. */
constexpr uint64_t MAX_STAGING = 16u << 20;

WGPUStringView view(const std::string& text) { return {text.data(), text.size()}; }

std::string text(WGPUStringView view) {
  if (view.data == nullptr) return "";
  return std::string(view.data, view.length == WGPU_STRLEN ? std::strlen(view.data) : view.length);
}

std::string interfaceName(WGPUBackendType type) {
  switch (type) {
    case WGPUBackendType_Vulkan:
      return "Vulkan";
    case WGPUBackendType_Metal:
      return "Metal";
    case WGPUBackendType_D3D12:
      return "Direct3D 12";
    default:
      return "an interface that is not known here";
  }
}

std::string versionOf(uint32_t packed) {
  std::string version;
  for (int shift = 24; shift >= 0; shift -= 8) {
    version += (version.empty() ? "" : ".") + std::to_string((packed >> shift) & 255);
  }
  return version;
}

struct AdapterAnswer {
  WGPUAdapter adapter = nullptr;
  std::string message;
};

struct DeviceAnswer {
  WGPUDevice device = nullptr;
  std::string message;
};

struct MapAnswer {
  bool done = false;
  bool success = false;
  std::string message;
};

}  // namespace

Device::Device(const std::string& libraryPath) : library_(libraryPath) {
  WGPUInstanceExtras extras{};
  extras.chain.sType = static_cast<WGPUSType>(WGPUSType_InstanceExtras);
  // Vulkan, Metal, Direct3D 12: OpenGL's compute shaders lack what the kernels need.
  extras.backends = WGPUInstanceBackend_Primary;
  WGPUInstanceDescriptor descriptor{};
  descriptor.nextInChain = &extras.chain;
  instance_ = library_.CreateInstance(&descriptor);
  if (instance_ == nullptr) throw GpuError(GpuError::Kind::NoAdapter, "wgpu-native could not be started");
  try {
    openDevice();
  } catch (...) {
    if (queue_ != nullptr) library_.QueueRelease(queue_);
    if (device_ != nullptr) library_.DeviceRelease(device_);
    if (adapter_ != nullptr) library_.AdapterRelease(adapter_);
    library_.InstanceRelease(instance_);
    throw;
  }
}

void Device::openDevice() {
  WGPURequestAdapterOptions options{};
  options.powerPreference = WGPUPowerPreference_HighPerformance;
  AdapterAnswer adapter;
  WGPURequestAdapterCallbackInfo adapterCallback{};
  adapterCallback.mode = WGPUCallbackMode_AllowProcessEvents;
  adapterCallback.userdata1 = &adapter;
  adapterCallback.callback = [](WGPURequestAdapterStatus, WGPUAdapter found, WGPUStringView message, void* to, void*) {
    *static_cast<AdapterAnswer*>(to) = {found, text(message)};
  };
  library_.InstanceRequestAdapter(instance_, &options, adapterCallback);
  library_.InstanceProcessEvents(instance_);
  if (adapter.adapter == nullptr) throw GpuError(GpuError::Kind::NoAdapter, adapter.message);
  adapter_ = adapter.adapter;

  WGPUAdapterInfo info{};
  library_.AdapterGetInfo(adapter_, &info);
  WGPULimits limits{};
  library_.AdapterGetLimits(adapter_, &limits);
  facts_.name = text(info.device);
  facts_.driver = text(info.description);
  facts_.interface = interfaceName(info.backendType);
  facts_.software = info.adapterType == WGPUAdapterType_CPU;
  facts_.libraryVersion = versionOf(library_.GetVersion());
  facts_.maxBufferSize = limits.maxBufferSize;
  facts_.maxBindingSize = limits.maxStorageBufferBindingSize;
  facts_.maxWorkgroupMemory = limits.maxComputeWorkgroupStorageSize;
  facts_.maxInvocations = std::min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
  facts_.maxBindings = limits.maxStorageBuffersPerShaderStage;
  facts_.maxWorkgroups = limits.maxComputeWorkgroupsPerDimension;
  library_.AdapterInfoFreeMembers(info);

  WGPUDeviceDescriptor descriptor{};
  descriptor.requiredLimits = &limits;
  descriptor.uncapturedErrorCallbackInfo.userdata1 = this;
  descriptor.uncapturedErrorCallbackInfo.callback = [](WGPUDevice const*, WGPUErrorType type, WGPUStringView message,
                                                       void* self, void*) {
    static_cast<Device*>(self)->reported(type, text(message));
  };
  descriptor.deviceLostCallbackInfo.mode = WGPUCallbackMode_AllowProcessEvents;
  descriptor.deviceLostCallbackInfo.userdata1 = this;
  descriptor.deviceLostCallbackInfo.callback = [](WGPUDevice const*, WGPUDeviceLostReason, WGPUStringView message,
                                                  void* to, void*) {
    auto* self = static_cast<Device*>(to);
    std::lock_guard<std::mutex> lock(self->errorsMutex_);
    self->lost_ = true;
    self->lostReason_ = text(message);
  };
  DeviceAnswer device;
  WGPURequestDeviceCallbackInfo deviceCallback{};
  deviceCallback.mode = WGPUCallbackMode_AllowProcessEvents;
  deviceCallback.userdata1 = &device;
  deviceCallback.callback = [](WGPURequestDeviceStatus, WGPUDevice made, WGPUStringView message, void* to, void*) {
    *static_cast<DeviceAnswer*>(to) = {made, text(message)};
  };
  library_.AdapterRequestDevice(adapter_, &descriptor, deviceCallback);
  library_.InstanceProcessEvents(instance_);
  if (device.device == nullptr) throw GpuError(GpuError::Kind::Other, facts_.name + ": " + device.message);
  device_ = device.device;
  queue_ = library_.DeviceGetQueue(device_);
  parameterBuffer_ = newBuffer(MAX_RECORDED * SLOT_BYTES, WGPUBufferUsage_Uniform | WGPUBufferUsage_CopyDst);
}

Device::~Device() {
  if (!lost_) library_.DevicePoll(device_, true, nullptr);
  releaseCommands();
  for (const Buffer& buffer : buffers_) {
    if (buffer.handle != nullptr) library_.BufferRelease(buffer.handle);
  }
  for (const Pipeline& pipeline : pipelines_) {
    library_.BindGroupLayoutRelease(pipeline.layout);
    library_.ComputePipelineRelease(pipeline.handle);
  }
  if (staging_ != nullptr) library_.BufferRelease(staging_);
  library_.BufferRelease(parameterBuffer_);
  library_.QueueRelease(queue_);
  library_.DeviceRelease(device_);
  library_.AdapterRelease(adapter_);
  library_.InstanceRelease(instance_);
}

void Device::reported(WGPUErrorType type, const std::string& message) {
  std::lock_guard<std::mutex> lock(errorsMutex_);
  if (error_ != nullptr) return;
  const auto kind = type == WGPUErrorType_OutOfMemory ? GpuError::Kind::OutOfMemory : GpuError::Kind::Other;
  error_ = std::make_unique<GpuError>(kind, message);
}

void Device::check() {
  std::lock_guard<std::mutex> lock(errorsMutex_);
  if (lost_) throw GpuError(GpuError::Kind::Lost, lostReason_);
  if (error_ == nullptr) return;
  const GpuError error = *error_;
  error_.reset();
  throw error;
}

WGPUBuffer Device::newBuffer(uint64_t bytes, WGPUBufferUsage usage) {
  check();
  WGPUBufferDescriptor descriptor{};
  descriptor.size = bytes;
  descriptor.usage = usage;
  WGPUBuffer buffer = library_.DeviceCreateBuffer(device_, &descriptor);
  try {
    check();
  } catch (...) {
    // A buffer that could not be made is a handle all the same.
    if (buffer != nullptr) library_.BufferRelease(buffer);
    throw;
  }
  return buffer;
}

uint32_t Device::createBuffer(uint64_t bytes) {
  const auto usage = WGPUBufferUsage_Storage | WGPUBufferUsage_CopySrc | WGPUBufferUsage_CopyDst;
  const Buffer buffer{newBuffer(bytes, usage), bytes, 0};
  if (freeNumbers_.empty()) {
    buffers_.push_back(buffer);
    return static_cast<uint32_t>(buffers_.size() - 1);
  }
  const uint32_t number = freeNumbers_.back();
  freeNumbers_.pop_back();
  buffers_[number] = buffer;
  return number;
}

Device::Buffer& Device::bufferOf(uint32_t number) {
  if (number >= buffers_.size() || buffers_[number].handle == nullptr) {
    throw GpuError(GpuError::Kind::Other, "there is no buffer " + std::to_string(number));
  }
  return buffers_[number];
}

void Device::destroyBuffer(uint32_t number) {
  Buffer& buffer = bufferOf(number);
  // A destroyed buffer may not be in a submission.
  if (buffer.batch == batch_) flush();
  library_.BufferDestroy(buffer.handle);
  library_.BufferRelease(buffer.handle);
  buffer.handle = nullptr;
  freeNumbers_.push_back(number);
}

bool Device::isPending(uint32_t number) const { return number < buffers_.size() && buffers_[number].batch == batch_; }

void Device::write(uint32_t number, const void* data, size_t bytes) {
  Buffer& buffer = bufferOf(number);
  if (bytes > buffer.bytes) throw GpuError(GpuError::Kind::Other, "more is written than the buffer holds");
  check();
  // Writes come before whatever is submitted next.
  if (buffer.batch == batch_) flush();
  library_.QueueWriteBuffer(queue_, buffer.handle, 0, data, bytes);
  check();
}

void Device::read(uint32_t number, void* out, size_t bytes) {
  Buffer& buffer = bufferOf(number);
  if (bytes > buffer.bytes) throw GpuError(GpuError::Kind::Other, "more is read than the buffer holds");
  flush();
  if (stagingBytes_ < std::min<uint64_t>(bytes, MAX_STAGING)) {
    if (staging_ != nullptr) library_.BufferRelease(staging_);
    staging_ = nullptr;
    stagingBytes_ = 0;
    const uint64_t wanted = std::min<uint64_t>(MAX_STAGING, std::max<uint64_t>(64 << 10, bytes));
    staging_ = newBuffer(wanted, WGPUBufferUsage_MapRead | WGPUBufferUsage_CopyDst);
    stagingBytes_ = wanted;
  }
  for (uint64_t at = 0; at < bytes; at += stagingBytes_) {
    const uint64_t size = std::min<uint64_t>(stagingBytes_, bytes - at);
    WGPUCommandEncoder encoder = library_.DeviceCreateCommandEncoder(device_, nullptr);
    library_.CommandEncoderCopyBufferToBuffer(encoder, buffer.handle, at, staging_, 0, size);
    submit(encoder);
    // Not on the stack: of a device that is lost while it is waited for, the answer may come later.
    auto answer = std::make_shared<MapAnswer>();
    WGPUBufferMapCallbackInfo callback{};
    callback.mode = WGPUCallbackMode_AllowProcessEvents;
    callback.userdata1 = new std::shared_ptr<MapAnswer>(answer);
    callback.callback = [](WGPUMapAsyncStatus status, WGPUStringView message, void* to, void*) {
      std::unique_ptr<std::shared_ptr<MapAnswer>> kept(static_cast<std::shared_ptr<MapAnswer>*>(to));
      **kept = {true, status == WGPUMapAsyncStatus_Success, text(message)};
    };
    library_.BufferMapAsync(staging_, WGPUMapMode_Read, 0, size, callback);
    while (!answer->done) {
      library_.DevicePoll(device_, true, nullptr);
      check();
    }
    if (!answer->success) throw GpuError(GpuError::Kind::Other, "reading back failed: " + answer->message);
    std::memcpy(static_cast<char*>(out) + at, library_.BufferGetConstMappedRange(staging_, 0, size), size);
    library_.BufferUnmap(staging_);
  }
}

uint32_t Device::createPipeline(const std::string& name, const std::string& code) {
  check();
  WGPUShaderSourceWGSL source{};
  source.chain.sType = WGPUSType_ShaderSourceWGSL;
  source.code = view(code);
  WGPUShaderModuleDescriptor moduleDescriptor{};
  moduleDescriptor.nextInChain = &source.chain;
  moduleDescriptor.label = view(name);
  WGPUShaderModule module = nullptr;
  Pipeline pipeline{nullptr, nullptr, name};
  try {
    // The kernels keep to their buffers, and their loops end: checks of either would cost a good part of their speed.
    module = library_.DeviceCreateShaderModuleTrusted(device_, &moduleDescriptor, WGPUShaderRuntimeChecks_None);
    check();
    const std::string entry = "main";
    WGPUComputePipelineDescriptor descriptor{};
    descriptor.label = view(name);
    descriptor.compute.module = module;
    descriptor.compute.entryPoint = view(entry);
    pipeline.handle = library_.DeviceCreateComputePipeline(device_, &descriptor);
    check();
    pipeline.layout = library_.ComputePipelineGetBindGroupLayout(pipeline.handle, 0);
    check();
  } catch (const GpuError& error) {
    if (module != nullptr) library_.ShaderModuleRelease(module);
    if (pipeline.handle != nullptr) library_.ComputePipelineRelease(pipeline.handle);
    if (error.kind != GpuError::Kind::Other) throw;
    throw GpuError(GpuError::Kind::Shader, name + ": " + error.what());
  }
  library_.ShaderModuleRelease(module);
  pipelines_.push_back(pipeline);
  return static_cast<uint32_t>(pipelines_.size() - 1);
}

void Device::dispatch(uint32_t number, const std::vector<uint32_t>& buffers, const uint32_t* parameters,
                      size_t parameterCount, uint32_t x, uint32_t y, uint32_t z) {
  if (number >= pipelines_.size()) throw GpuError(GpuError::Kind::Other, "there is no such pipeline");
  if (parameterCount > SLOT_WORDS) throw GpuError(GpuError::Kind::Other, "too many parameters of a dispatch");
  if (commands_.size() == MAX_RECORDED) flush();
  check();
  const Pipeline& pipeline = pipelines_[number];
  const size_t slot = commands_.size();
  parameters_.resize((slot + 1) * SLOT_WORDS, 0);
  std::copy(parameters, parameters + parameterCount, parameters_.begin() + slot * SLOT_WORDS);

  std::vector<WGPUBindGroupEntry> entries(buffers.size() + 1, WGPUBindGroupEntry{});
  entries[0].buffer = parameterBuffer_;
  entries[0].offset = slot * SLOT_BYTES;
  entries[0].size = SLOT_BYTES;
  for (size_t i = 0; i < buffers.size(); i++) {
    Buffer& buffer = bufferOf(buffers[i]);
    buffer.batch = batch_;
    entries[i + 1].binding = static_cast<uint32_t>(i + 1);
    entries[i + 1].buffer = buffer.handle;
    entries[i + 1].size = buffer.bytes;
  }
  WGPUBindGroupDescriptor descriptor{};
  descriptor.layout = pipeline.layout;
  descriptor.entryCount = entries.size();
  descriptor.entries = entries.data();
  WGPUBindGroup group = library_.DeviceCreateBindGroup(device_, &descriptor);
  try {
    check();
  } catch (const GpuError& error) {
    if (group != nullptr) library_.BindGroupRelease(group);
    throw GpuError(error.kind, pipeline.name + ": " + error.what());
  }
  commands_.push_back({pipeline.handle, group, x, y, z});
  dispatches_++;
}

void Device::submit(WGPUCommandEncoder encoder) {
  WGPUCommandBuffer commands = library_.CommandEncoderFinish(encoder, nullptr);
  library_.CommandEncoderRelease(encoder);
  try {
    check();
  } catch (...) {
    if (commands != nullptr) library_.CommandBufferRelease(commands);
    throw;
  }
  library_.QueueSubmit(queue_, 1, &commands);
  library_.CommandBufferRelease(commands);
  submissions_++;
  check();
}

void Device::releaseCommands() {
  for (const Command& command : commands_) library_.BindGroupRelease(command.group);
  commands_.clear();
  parameters_.clear();
}

void Device::flush() {
  check();
  if (commands_.empty()) return;
  library_.QueueWriteBuffer(queue_, parameterBuffer_, 0, parameters_.data(), parameters_.size() * 4);
  WGPUCommandEncoder encoder = library_.DeviceCreateCommandEncoder(device_, nullptr);
  WGPUComputePassEncoder pass = library_.CommandEncoderBeginComputePass(encoder, nullptr);
  for (const Command& command : commands_) {
    library_.ComputePassEncoderSetPipeline(pass, command.pipeline);
    library_.ComputePassEncoderSetBindGroup(pass, 0, command.group, 0, nullptr);
    library_.ComputePassEncoderDispatchWorkgroups(pass, command.x, command.y, command.z);
  }
  library_.ComputePassEncoderEnd(pass);
  library_.ComputePassEncoderRelease(pass);
  batch_++;
  releaseCommands();
  submit(encoder);
  // Frees what finished submissions held, and calls back what the device has to say.
  library_.DevicePoll(device_, false, nullptr);
}

void Device::wait() {
  flush();
  library_.DevicePoll(device_, true, nullptr);
  check();
}

void Device::destroy() {
  releaseCommands();
  library_.DevicePoll(device_, true, nullptr);
  library_.DeviceDestroy(device_);
  library_.InstanceProcessEvents(instance_);
  std::lock_guard<std::mutex> lock(errorsMutex_);
  lost_ = true;
  if (lostReason_.empty()) lostReason_ = "it was given up";
}
