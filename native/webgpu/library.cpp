#include "library.h"

#include <dlfcn.h>

#include <stdexcept>

Library::Library(const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) throw std::runtime_error(dlerror());
#define WGPU_LOAD(name)                                                 \
  name = reinterpret_cast<decltype(name)>(dlsym(handle, "wgpu" #name)); \
  if (name == nullptr) throw std::runtime_error(path + " has no wgpu" #name);
  WGPU_FUNCTIONS(WGPU_LOAD)
#undef WGPU_LOAD
}
