// The WebGPU addon as JavaScript sees it: functions on numbers of buffers and pipelines. Its twin in TypeScript, with
// shapes and meanings, is src/backends/webgpu/addon.ts. Errors carry a `code`: NO_ADAPTER, LOST, OUT_OF_MEMORY, SHADER.

#include <napi.h>

#include <memory>
#include <string>
#include <vector>

#include "device.h"

namespace {

/** What a thread of JavaScript (the main one, or a worker) has of its own. */
struct State {
  std::unique_ptr<Device> device;
};

Napi::Error errorOf(Napi::Env env, const GpuError& error) {
  Napi::Error out = Napi::Error::New(env, error.what());
  const char* code = nullptr;
  switch (error.kind) {
    case GpuError::Kind::NoAdapter:
      code = "NO_ADAPTER";
      break;
    case GpuError::Kind::Lost:
      code = "LOST";
      break;
    case GpuError::Kind::OutOfMemory:
      code = "OUT_OF_MEMORY";
      break;
    case GpuError::Kind::Shader:
      code = "SHADER";
      break;
    case GpuError::Kind::Other:
      break;
  }
  if (code != nullptr) out.Set("code", Napi::String::New(env, code));
  return out;
}

/** Runs what may throw C++ exceptions, and throws them to JavaScript. */
template <class Work>
auto guarded(Napi::Env env, Work work) {
  try {
    return work();
  } catch (const GpuError& error) {
    throw errorOf(env, error);
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
}

Device& deviceOf(Napi::Env env) {
  State* state = env.GetInstanceData<State>();
  if (state->device == nullptr) throw Napi::Error::New(env, "no device is open");
  return *state->device;
}

uint32_t number(const Napi::Value& value) { return value.As<Napi::Number>().Uint32Value(); }

struct Bytes {
  uint8_t* data;
  size_t size;
};

Bytes bytesOf(const Napi::Value& value) {
  if (!value.IsTypedArray()) throw Napi::TypeError::New(value.Env(), "a typed array is wanted");
  auto array = value.As<Napi::TypedArray>();
  return {static_cast<uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset(), array.ByteLength()};
}

Napi::Value open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  State* state = env.GetInstanceData<State>();
  const std::string path = info[0].As<Napi::String>();
  guarded(env, [&] {
    if (state->device == nullptr) state->device = std::make_unique<Device>(path);
  });
  const AdapterFacts& facts = state->device->facts();
  Napi::Object out = Napi::Object::New(env);
  out["name"] = facts.name;
  out["driver"] = facts.driver;
  out["interface"] = facts.interface;
  out["software"] = facts.software;
  out["libraryVersion"] = facts.libraryVersion;
  out["maxBufferSize"] = static_cast<double>(facts.maxBufferSize);
  out["maxBindingSize"] = static_cast<double>(facts.maxBindingSize);
  out["maxWorkgroupMemory"] = facts.maxWorkgroupMemory;
  out["maxInvocations"] = facts.maxInvocations;
  out["maxBindings"] = facts.maxBindings;
  out["maxWorkgroups"] = facts.maxWorkgroups;
  return out;
}

Napi::Value createBuffer(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const auto bytes = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value());
  return Napi::Number::New(env, guarded(env, [&] { return deviceOf(env).createBuffer(bytes); }));
}

void destroyBuffer(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { deviceOf(info.Env()).destroyBuffer(number(info[0])); });
}

Napi::Value isPending(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), deviceOf(info.Env()).isPending(number(info[0])));
}

void write(const Napi::CallbackInfo& info) {
  const Bytes from = bytesOf(info[1]);
  guarded(info.Env(), [&] { deviceOf(info.Env()).write(number(info[0]), from.data, from.size); });
}

void read(const Napi::CallbackInfo& info) {
  const Bytes to = bytesOf(info[1]);
  guarded(info.Env(), [&] { deviceOf(info.Env()).read(number(info[0]), to.data, to.size); });
}

Napi::Value createPipeline(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string name = info[0].As<Napi::String>();
  const std::string code = info[1].As<Napi::String>();
  return Napi::Number::New(env, guarded(env, [&] { return deviceOf(env).createPipeline(name, code); }));
}

/** (pipeline, buffers: Uint32Array, parameters: Uint32Array, x, y, z) */
void dispatch(const Napi::CallbackInfo& info) {
  const Bytes buffers = bytesOf(info[1]);
  const auto* numbers = reinterpret_cast<const uint32_t*>(buffers.data);
  const std::vector<uint32_t> list(numbers, numbers + buffers.size / 4);
  const Bytes parameters = bytesOf(info[2]);
  guarded(info.Env(), [&] {
    deviceOf(info.Env())
        .dispatch(number(info[0]), list, reinterpret_cast<const uint32_t*>(parameters.data), parameters.size / 4,
                  number(info[3]), number(info[4]), number(info[5]));
  });
}

void flush(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { deviceOf(info.Env()).flush(); });
}

void wait(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { deviceOf(info.Env()).wait(); });
}

void destroy(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { deviceOf(info.Env()).destroy(); });
}

Napi::Value counts(const Napi::CallbackInfo& info) {
  Device& device = deviceOf(info.Env());
  Napi::Object out = Napi::Object::New(info.Env());
  out["dispatches"] = static_cast<double>(device.dispatches());
  out["submissions"] = static_cast<double>(device.submissions());
  return out;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new State());
  exports["open"] = Napi::Function::New(env, open);
  exports["createBuffer"] = Napi::Function::New(env, createBuffer);
  exports["destroyBuffer"] = Napi::Function::New(env, destroyBuffer);
  exports["isPending"] = Napi::Function::New(env, isPending);
  exports["write"] = Napi::Function::New(env, write);
  exports["read"] = Napi::Function::New(env, read);
  exports["createPipeline"] = Napi::Function::New(env, createPipeline);
  exports["dispatch"] = Napi::Function::New(env, dispatch);
  exports["flush"] = Napi::Function::New(env, flush);
  exports["wait"] = Napi::Function::New(env, wait);
  exports["destroy"] = Napi::Function::New(env, destroy);
  exports["counts"] = Napi::Function::New(env, counts);
  return exports;
}

}  // namespace

NODE_API_MODULE(sri_webgpu, init)
