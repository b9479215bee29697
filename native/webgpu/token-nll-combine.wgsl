// The slices of token-nll.wgsl put together, a workgroup a token: log sum exp of all logits, the loss, which is that less
// the target's logit, and the loss's gradient in the hidden state, the kernel's rows weighted by the softmax less the
// target's row.
//
// Constants: H, GRADIENT.

struct Parameters {
  count: u32,
  slices: u32,
  /** Token n belongs to row n % rows, and has target [n / rows, (firstRow + n % rows) % batch]. */
  rows: u32,
  batch: u32,
  firstRow: u32,
  /** Whether the gradient is multiplied by dNll. */
  scaled: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> hidden: array<f32>; // [count, H]
@group(0) @binding(2) var<storage, read> kernel: array<f32>; // [vocabulary, H]
@group(0) @binding(3) var<storage, read> bias: array<f32>; // [vocabulary]
@group(0) @binding(4) var<storage, read> statistics: array<vec2f>; // [slices, count]
@group(0) @binding(5) var<storage, read> sums: array<f32>; // [slices, count, H]
@group(0) @binding(6) var<storage, read> targets: array<i32>; // [tokens, batch]
@group(0) @binding(7) var<storage, read> dNll: array<f32>; // [count]
@group(0) @binding(8) var<storage, read_write> nll: array<f32>; // [count]
@group(0) @binding(9) var<storage, read_write> logNormalizer: array<f32>; // [count]
@group(0) @binding(10) var<storage, read_write> dHidden: array<f32>; // [count, H]

const THREADS = 128u;

var<workgroup> partial: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let n = workgroup.y * workgroups.x + workgroup.x;
  if (n >= p.count) {
    return;
  }
  let word = u32(targets[n / p.rows * p.batch + (p.firstRow + n % p.rows) % p.batch]);
  var largest = statistics[n].x;
  for (var s = 1u; s < p.slices; s++) {
    largest = max(largest, statistics[s * p.count + n].x);
  }
  var sum = 0.0;
  for (var s = 0u; s < p.slices; s++) {
    let slice = statistics[s * p.count + n];
    sum += slice.y * exp(slice.x - largest);
  }
  var product = 0.0;
  for (var e = thread; e < H; e += THREADS) {
    product += hidden[n * H + e] * kernel[word * H + e];
    if (GRADIENT) {
      var expected = 0.0;
      for (var s = 0u; s < p.slices; s++) {
        let scale = exp(statistics[s * p.count + n].x - largest);
        expected += sums[(s * p.count + n) * H + e] * scale;
      }
      var d = expected / sum - kernel[word * H + e];
      if (p.scaled != 0u) {
        d *= dNll[n];
      }
      dHidden[n * H + e] = d;
    }
  }
  partial[thread] = product;
  workgroupBarrier();
  for (var width = THREADS / 2u; width > 0u; width /= 2u) {
    if (thread < width) {
      partial[thread] += partial[thread + width];
    }
    workgroupBarrier();
  }
  if (thread == 0u) {
    logNormalizer[n] = largest + log(sum);
    nll[n] = largest + log(sum) - partial[0] - bias[word];
  }
}
