// How the output layer's gradient in h moves as h moves: with l' = kernel h', the sum over the vocabulary of
// softmax_v l'_v kernel_v, and of softmax_v l'_v, from which token-nll-tangent-combine.wgsl makes the derivative. Row m is a
// direction of token m / Z. Shared out as token-nll.wgsl; the normalizers are known, so weights are final at once.
//
// Constants: H, Z, ROWS.
// uses tile.wgsl weighted-sum.wgsl

struct Parameters {
  /** Directions of all tokens. */
  count: u32,
  vocabulary: u32,
  /** Words of a slice, a multiple of 64. */
  slice: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> hidden: array<f32>; // [count / Z, H]
@group(0) @binding(2) var<storage, read> tangents: array<f32>; // [count, H]: h'
@group(0) @binding(3) var<storage, read> kernel: array<f32>; // [vocabulary, H]
@group(0) @binding(4) var<storage, read> bias: array<f32>; // [vocabulary]
@group(0) @binding(5) var<storage, read> logNormalizer: array<f32>; // [count / Z]
@group(0) @binding(6) var<storage, read_write> sums: array<f32>; // [slices, count, H]
@group(0) @binding(7) var<storage, read_write> means: array<f32>; // [slices, count]

var<workgroup> reduced: array<vec4f, THREADS>;
/** Which of the two products is in hand. */
var<private> ofTangents: bool;

fn rowsAdjacent() -> bool {
  return false;
}

fn columnsAdjacent() -> bool {
  return false;
}

fn rowValue(row: u32, k: u32) -> f32 {
  if (row < p.count && k < H) {
    if (ofTangents) {
      return tangents[row * H + k];
    }
    return hidden[row / Z * H + k];
  }
  return 0.0;
}

fn columnValue(word: u32, k: u32) -> f32 {
  if (word < p.vocabulary && k < H) {
    return kernel[word * H + k];
  }
  return 0.0;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row0 = workgroup.x * ROWS;
  let begin = workgroup.y * p.slice;
  let end = min(begin + p.slice, p.vocabulary);
  let group = thread % ROW_GROUPS;
  let lane = thread / ROW_GROUPS;
  var normalizers = vec4f(0.0);
  for (var i = 0u; i < 4u; i++) {
    let row = row0 + 4u * group + i;
    if (row < p.count) {
      normalizers[i] = logNormalizer[row / Z];
    }
  }
  var mean = vec4f(0.0);
  for (var word0 = begin; word0 < end; word0 += COLUMNS) {
    ofTangents = false;
    let logits = tileProduct(row0, word0, H, thread);
    ofTangents = true;
    let moves = tileProduct(row0, word0, H, thread);
    for (var j = 0u; j < OWN; j++) {
      let word = word0 + lane * OWN + j;
      var weight = vec4f(0.0);
      if (word < end) {
        weight = exp(logits[j] + bias[word] - normalizers) * moves[j];
      }
      weights[(lane * OWN + j) * ROW_GROUPS + group] = weight;
      mean += weight;
    }
    workgroupBarrier();
    addWeighted(word0, min(COLUMNS, end - word0), thread);
  }
  reduced[thread] = mean;
  workgroupBarrier();
  if (lane == 0u) {
    var sum = vec4f(0.0);
    for (var l = 0u; l < LANES; l++) {
      sum += reduced[l * ROW_GROUPS + group];
    }
    for (var i = 0u; i < 4u; i++) {
      let row = row0 + 4u * group + i;
      if (row < p.count) {
        means[workgroup.y * p.count + row] = sum[i];
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    for (var e = 0u; e < ELEMENTS; e++) {
      let element = e * THREADS + thread;
      if (row0 + r < p.count && element < H) {
        sums[(workgroup.y * p.count + row0 + r) * H + element] = weightedSum(r, e);
      }
    }
  }
}
