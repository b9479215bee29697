// The operations that are one file each and need no declarations beyond their names.
#pragma once

#include <napi.h>

namespace sri {

void defineMatMul(Napi::Object& exports);
void defineEmbedding(Napi::Object& exports);
void defineOptimizers(Napi::Object& exports);
void defineDropoutMask(Napi::Object& exports);
void defineScale(Napi::Object& exports);

}  // namespace sri
