// The slices of token-nll-tangent.wgsl put together: the derivative, along each direction, of the loss's gradient in h,
//
//   sum_v softmax_v (l'_v - mean) kernel_v, mean = sum_v softmax_v l'_v,
//
// where sum_v softmax_v kernel_v is the gradient itself and the target's row. The mask is multiplied on. A workgroup has 256
// neighbouring numbers.
//
// Constants: H, Z.

struct Parameters {
  /** Numbers, H of each direction of each token. */
  count: u32,
  slices: u32,
  rows: u32,
  batch: u32,
  /** Token n belongs to row n % rows, as in token-nll-combine.wgsl. */
  firstRow: u32,
  masked: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> sums: array<f32>; // [slices, directions, H]
@group(0) @binding(2) var<storage, read> means: array<f32>; // [slices, directions]
@group(0) @binding(3) var<storage, read> dHidden: array<f32>; // [tokens, H]
@group(0) @binding(4) var<storage, read> kernel: array<f32>; // [vocabulary, H]
@group(0) @binding(5) var<storage, read> targets: array<i32>; // [tokens, batch]
@group(0) @binding(6) var<storage, read> mask: array<f32>; // [tokens, batch, H]
@group(0) @binding(7) var<storage, read_write> out: array<f32>; // [directions, H]

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = (workgroup.y * workgroups.x + workgroup.x) * 256u + thread;
  if (i >= p.count) {
    return;
  }
  let element = i % H;
  let direction = i / H;
  let token = direction / Z;
  let place = token / p.rows * p.batch + (p.firstRow + token % p.rows) % p.batch;
  var sum = 0.0;
  var mean = 0.0;
  for (var s = 0u; s < p.slices; s++) {
    sum += sums[s * p.count + i];
    mean += means[s * (p.count / H) + direction];
  }
  let expected = dHidden[token * H + element] + kernel[u32(targets[place]) * H + element];
  var d = sum - mean * expected;
  if (p.masked != 0u) {
    d *= mask[place * H + element];
  }
  out[i] = d;
}
