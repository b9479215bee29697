// The recurrent kernel as recurrent-kernel.wgsl has it, each number stored in half precision: half the bytes to stream. Two
// halves are a word, which every device can unpack; arithmetic in halves, which not every device has, is not wanted.

@group(0) @binding(4) var<storage, read> kernel: array<vec2u>; // [H, H]

fn gateWeights(i: u32) -> vec4f {
  let word = kernel[i];
  return vec4f(unpack2x16float(word.x), unpack2x16float(word.y));
}
