// The packed weights as objects that JavaScript holds.
#pragma once

#include <napi.h>

#include "weights.h"

namespace sri {

/**
 * The weights behind a handle.
 * @throws if the value is no such handle, if nothing was packed into it, or if it is of another precision.
 */
const RecurrentWeights& recurrentOf(const Napi::Value& value);
const RecurrentWeights& recurrentOf(const Napi::Value& value, Precision precision);
const VocabularyWeights& vocabularyOf(const Napi::Value& value);
const VocabularyWeights& vocabularyOf(const Napi::Value& value, Precision precision);

Precision precisionFrom(const Napi::Value& value);

void defineHandles(Napi::Env env, Napi::Object& exports);

}  // namespace sri
