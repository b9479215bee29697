// Between JavaScript and the operations: reads numbers and typed arrays out of a call, and refuses what does not fit
// with an error that names the argument.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace sri {

float* floatsOf(const Napi::Value& value, const std::string& name, std::size_t length);
std::int32_t* integersOf(const Napi::Value& value, const std::string& name, std::size_t length);
/** A whole number in [least, most]. */
int wholeNumberOf(const Napi::Value& value, const std::string& name, int least, int most);
double numberOf(const Napi::Value& value, const std::string& name);

/** The fields of an arguments object. */
class Arguments {
 public:
  Arguments(const Napi::Value& value, const std::string& name);

  int count(const char* name, int least = 1) const { return wholeNumberOf(get(name), name, least, kMost); }
  double number(const char* name) const { return numberOf(get(name), name); }
  float* floats(const char* name, std::size_t length) const { return floatsOf(get(name), name, length); }
  /** Null where the field is null or missing. */
  float* floatsOrNull(const char* name, std::size_t length) const;
  std::int32_t* integers(const char* name, std::size_t length) const { return integersOf(get(name), name, length); }
  Napi::Value get(const char* name) const { return object_.Get(name); }

 private:
  static constexpr int kMost = 1 << 30;
  Napi::Object object_;
};

/** @throws by `name` if one of these numbers of a matrix's rows, such as words of a vocabulary, lies outside [0, most). */
void checkRows(const std::int32_t* rows, std::size_t count, int most, const char* name);

/** `operation` as a JavaScript function: C++ exceptions become errors of the language. */
using Operation = void (*)(const Napi::CallbackInfo&);
using Query = Napi::Value (*)(const Napi::CallbackInfo&);
void define(Napi::Object& exports, const char* name, Operation operation);
void define(Napi::Object& exports, const char* name, Query query);

/** What `define` wraps around a function, for methods of classes. */
template <class Body>
void guarded(Napi::Env env, const Body& body) {
  try {
    body();
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
}

}  // namespace sri
