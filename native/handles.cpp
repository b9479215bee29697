#include "handles.h"

#include <string>

#include "arguments.h"
#include "context.h"

namespace sri {

namespace {

const char* nameOf(Precision precision) { return precision == Precision::f32 ? "f32" : "bf16"; }

class RecurrentHandle : public Napi::ObjectWrap<RecurrentHandle> {
 public:
  static Napi::Function make(Napi::Env env) {
    return DefineClass(
        env, "RecurrentWeights",
        {InstanceMethod<&RecurrentHandle::pack>("pack"), InstanceAccessor<&RecurrentHandle::hiddenSize>("hiddenSize"),
         InstanceAccessor<&RecurrentHandle::precision>("precision")});
  }

  explicit RecurrentHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RecurrentHandle>(info) {
    guarded(info.Env(), [&] {
      const int hiddenSize = wholeNumberOf(info[0], "hiddenSize", 1, 1 << 16);
      const Precision precision = precisionFrom(info[1]);
      compute([&] { weights = std::make_unique<RecurrentWeights>(hiddenSize, precision); });
    });
  }

  std::unique_ptr<RecurrentWeights> weights;

 private:
  void pack(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const std::size_t H = weights->hiddenSize();
      const float* kernel = floatsOf(info[0], "kernel", H * 4 * H);
      compute([&] { weights->pack(kernel); });
    });
  }
  Napi::Value hiddenSize(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), weights->hiddenSize());
  }
  Napi::Value precision(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), nameOf(weights->precision()));
  }
};

class VocabularyHandle : public Napi::ObjectWrap<VocabularyHandle> {
 public:
  static Napi::Function make(Napi::Env env) {
    return DefineClass(env, "VocabularyWeights",
                       {InstanceMethod<&VocabularyHandle::pack>("pack"),
                        InstanceAccessor<&VocabularyHandle::vocabularySize>("vocabularySize"),
                        InstanceAccessor<&VocabularyHandle::hiddenSize>("hiddenSize"),
                        InstanceAccessor<&VocabularyHandle::precision>("precision")});
  }

  explicit VocabularyHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<VocabularyHandle>(info) {
    guarded(info.Env(), [&] {
      const int vocabularySize = wholeNumberOf(info[0], "vocabularySize", 1, 1 << 24);
      const int hiddenSize = wholeNumberOf(info[1], "hiddenSize", 1, 1 << 16);
      const Precision precision = precisionFrom(info[2]);
      compute([&] { weights = std::make_unique<VocabularyWeights>(vocabularySize, hiddenSize, precision); });
    });
  }

  std::unique_ptr<VocabularyWeights> weights;

 private:
  void pack(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const std::size_t V = weights->vocabularySize();
      const float* kernel = floatsOf(info[0], "kernel", V * weights->hiddenSize());
      compute([&] { weights->pack(kernel); });
    });
  }
  Napi::Value vocabularySize(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), weights->vocabularySize());
  }
  Napi::Value hiddenSize(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), weights->hiddenSize());
  }
  Napi::Value precision(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), nameOf(weights->precision()));
  }
};

/** The classes of one JavaScript environment. */
struct Classes {
  Napi::FunctionReference recurrent;
  Napi::FunctionReference vocabulary;
};

template <class Handle>
auto& weightsOf(const Napi::Value& value, const Napi::FunctionReference& type, const char* name) {
  if (!value.IsObject() || !value.As<Napi::Object>().InstanceOf(type.Value())) {
    throw Napi::TypeError::New(value.Env(), std::string("expected ") + name);
  }
  auto& weights = *Napi::ObjectWrap<Handle>::Unwrap(value.As<Napi::Object>())->weights;
  if (!weights.packed()) throw Napi::Error::New(value.Env(), std::string(name) + ": call pack first");
  return weights;
}

void checkPrecision(Precision found, Precision wanted, const Napi::Value& value) {
  if (found == wanted) return;
  throw Napi::Error::New(value.Env(), std::string("this operation needs weights of precision ") + nameOf(wanted) +
                                          ", not " + nameOf(found));
}

}  // namespace

const RecurrentWeights& recurrentOf(const Napi::Value& value) {
  return weightsOf<RecurrentHandle>(value, value.Env().GetInstanceData<Classes>()->recurrent, "RecurrentWeights");
}

const RecurrentWeights& recurrentOf(const Napi::Value& value, Precision precision) {
  const RecurrentWeights& weights = recurrentOf(value);
  checkPrecision(weights.precision(), precision, value);
  return weights;
}

const VocabularyWeights& vocabularyOf(const Napi::Value& value) {
  return weightsOf<VocabularyHandle>(value, value.Env().GetInstanceData<Classes>()->vocabulary, "VocabularyWeights");
}

const VocabularyWeights& vocabularyOf(const Napi::Value& value, Precision precision) {
  const VocabularyWeights& weights = vocabularyOf(value);
  checkPrecision(weights.precision(), precision, value);
  return weights;
}

Precision precisionFrom(const Napi::Value& value) {
  const std::string name = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
  if (name == "f32") return Precision::f32;
  if (name != "bf16") throw Napi::TypeError::New(value.Env(), "precision must be 'f32' or 'bf16'");
  if (!processorHasBFloat16()) {
    throw Napi::Error::New(value.Env(),
                           "this processor has no bf16 products (AVX512_BF16 or AMX); use precision f32 here");
  }
  return Precision::bf16;
}

void defineHandles(Napi::Env env, Napi::Object& exports) {
  const Napi::Function recurrent = RecurrentHandle::make(env);
  const Napi::Function vocabulary = VocabularyHandle::make(env);
  exports.Set("RecurrentWeights", recurrent);
  exports.Set("VocabularyWeights", vocabulary);
  env.SetInstanceData(new Classes{Napi::Persistent(recurrent), Napi::Persistent(vocabulary)});
}

}  // namespace sri
