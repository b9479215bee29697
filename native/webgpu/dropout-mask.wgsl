// A dropout mask by Philox4x32-10 (Salmon et al. 2011), a thread four numbers: the same words, and so the same zeros, as
// src/random/philox.ts draws.

struct Parameters {
  count: u32,
  key0: u32,
  key1: u32,
  counter1: u32,
  counter2: u32,
  counter3: u32,
  /** Words below this are zeros: ceil(rate 2^32), less than 2^32. */
  threshold: u32,
  /** 1 / (1 - rate) */
  kept: f32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

/** Upper 32 bits of a product. */
fn multiplyHigh(a: u32, b: u32) -> u32 {
  let aLow = a & 0xffffu;
  let aHigh = a >> 16u;
  let bLow = b & 0xffffu;
  let bHigh = b >> 16u;
  let middle = aHigh * bLow + ((aLow * bLow) >> 16u);
  let cross = aLow * bHigh + (middle & 0xffffu);
  return aHigh * bHigh + (middle >> 16u) + (cross >> 16u);
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let block = (workgroup.y * workgroups.x + workgroup.x) * 256u + thread;
  if (4u * block >= p.count) {
    return;
  }
  var words = vec4u(block, p.counter1, p.counter2, p.counter3);
  var key = vec2u(p.key0, p.key1);
  for (var round = 0u; round < 10u; round++) {
    let high0 = multiplyHigh(0xd2511f53u, words.x);
    let low0 = 0xd2511f53u * words.x;
    let high1 = multiplyHigh(0xcd9e8d57u, words.z);
    let low1 = 0xcd9e8d57u * words.z;
    words = vec4u(high1 ^ words.y ^ key.x, low1, high0 ^ words.w ^ key.y, low0);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  for (var i = 0u; i < 4u; i++) {
    if (4u * block + i < p.count) {
      out[4u * block + i] = select(p.kept, 0.0, words[i] < p.threshold);
    }
  }
}
