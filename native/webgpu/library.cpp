#include "library.h"

#include <dlfcn.h>

#include <stdexcept>

namespace {

template <typename Function>
void load(void* handle, const std::string& path, const char* symbol, Function& function) {
  function = reinterpret_cast<Function>(dlsym(handle, symbol));
  if (function == nullptr) throw std::runtime_error(path + " has no " + symbol);
}

}  // namespace

Library::Library(const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) throw std::runtime_error(dlerror());
#define WGPU_LOAD(name) load(handle, path, "wgpu" #name, this->name);
  WGPU_FUNCTIONS(WGPU_LOAD)
#undef WGPU_LOAD
}
