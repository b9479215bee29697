#include "arguments.h"

#include <cmath>
#include <stdexcept>

namespace sri {

namespace {

[[noreturn]] void refuse(const Napi::Value& value, const std::string& message) {
  throw Napi::TypeError::New(value.Env(), message);
}

template <class Array>
Array arrayOf(const Napi::Value& value, const std::string& name, std::size_t length, napi_typedarray_type type,
              const char* typeName) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    refuse(value, name + " must be a " + typeName);
  }
  const auto array = value.As<Array>();
  if (array.ElementLength() != length) {
    refuse(value, name + " holds " + std::to_string(array.ElementLength()) + " numbers, but its shape has " +
                      std::to_string(length));
  }
  return array;
}

}  // namespace

float* floatsOf(const Napi::Value& value, const std::string& name, std::size_t length) {
  return arrayOf<Napi::Float32Array>(value, name, length, napi_float32_array, "Float32Array").Data();
}

std::int32_t* integersOf(const Napi::Value& value, const std::string& name, std::size_t length) {
  return arrayOf<Napi::Int32Array>(value, name, length, napi_int32_array, "Int32Array").Data();
}

double numberOf(const Napi::Value& value, const std::string& name) {
  if (!value.IsNumber()) refuse(value, name + " must be a number");
  return value.As<Napi::Number>().DoubleValue();
}

int wholeNumberOf(const Napi::Value& value, const std::string& name, int least, int most) {
  const double number = numberOf(value, name);
  if (!(number >= least && number <= most) || number != std::floor(number)) {
    refuse(value, name + " must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return static_cast<int>(number);
}

Arguments::Arguments(const Napi::Value& value, const std::string& name) {
  if (!value.IsObject()) refuse(value, name + " must be an object");
  object_ = value.As<Napi::Object>();
}

float* Arguments::floatsOrNull(const char* name, std::size_t length) const {
  const Napi::Value value = get(name);
  return value.IsNull() || value.IsUndefined() ? nullptr : floatsOf(value, name, length);
}

void checkRows(const std::int32_t* rows, std::size_t count, int most, const char* name) {
  for (std::size_t i = 0; i < count; i++) {
    if (rows[i] < 0 || rows[i] >= most) {
      throw std::runtime_error(name + ("[" + std::to_string(i)) + "] is " + std::to_string(rows[i]) +
                               ", outside the rows of 0 to " + std::to_string(most - 1));
    }
  }
}

void define(Napi::Object& exports, const char* name, Operation operation) {
  exports.Set(
      name, Napi::Function::New(
                exports.Env(),
                [operation](const Napi::CallbackInfo& info) { guarded(info.Env(), [&] { operation(info); }); }, name));
}

void define(Napi::Object& exports, const char* name, Query query) {
  exports.Set(name, Napi::Function::New(
                        exports.Env(),
                        [query](const Napi::CallbackInfo& info) {
                          Napi::Value result;
                          guarded(info.Env(), [&] { result = query(info); });
                          return result;
                        },
                        name));
}

}  // namespace sri
