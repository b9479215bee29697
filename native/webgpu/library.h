// wgpu-native, opened when the program asks for it: the addon is compiled against its headers and linked against
// nothing.
#pragma once

#include <webgpu.h>
#include <wgpu.h>

#include <string>

/** The functions of the library that are used here, each a member named as in webgpu.h without the first letters. */
#define WGPU_FUNCTIONS(F)                 \
  F(AdapterGetInfo)                       \
  F(AdapterGetLimits)                     \
  F(AdapterInfoFreeMembers)               \
  F(AdapterRelease)                       \
  F(AdapterRequestDevice)                 \
  F(BindGroupLayoutRelease)               \
  F(BindGroupRelease)                     \
  F(BufferDestroy)                        \
  F(BufferGetConstMappedRange)            \
  F(BufferMapAsync)                       \
  F(BufferRelease)                        \
  F(BufferUnmap)                          \
  F(CommandBufferRelease)                 \
  F(CommandEncoderBeginComputePass)       \
  F(CommandEncoderCopyBufferToBuffer)     \
  F(CommandEncoderFinish)                 \
  F(CommandEncoderRelease)                \
  F(ComputePassEncoderDispatchWorkgroups) \
  F(ComputePassEncoderEnd)                \
  F(ComputePassEncoderRelease)            \
  F(ComputePassEncoderSetBindGroup)       \
  F(ComputePassEncoderSetPipeline)        \
  F(ComputePipelineGetBindGroupLayout)    \
  F(ComputePipelineRelease)               \
  F(CreateInstance)                       \
  F(DeviceCreateBindGroup)                \
  F(DeviceCreateBuffer)                   \
  F(DeviceCreateCommandEncoder)           \
  F(DeviceCreateComputePipeline)          \
  F(DeviceCreateShaderModuleTrusted)      \
  F(DeviceDestroy)                        \
  F(DeviceGetQueue)                       \
  F(DevicePoll)                           \
  F(DeviceRelease)                        \
  F(GetVersion)                           \
  F(InstanceProcessEvents)                \
  F(InstanceRelease)                      \
  F(InstanceRequestAdapter)               \
  F(QueueRelease)                         \
  F(QueueSubmit)                          \
  F(QueueWriteBuffer)                     \
  F(ShaderModuleRelease)

struct Library {
// A name that is declared takes no parentheses.
#define WGPU_MEMBER(name) decltype(&wgpu##name) name;  // NOLINT(bugprone-macro-parentheses)
  WGPU_FUNCTIONS(WGPU_MEMBER)
#undef WGPU_MEMBER

  /** Opens the library at `path`; it stays loaded. Throws std::runtime_error saying what fails. */
  explicit Library(const std::string& path);
};
