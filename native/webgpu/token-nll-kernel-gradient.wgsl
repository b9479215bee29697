// The gradient of the output layer's kernel and bias: the hidden states weighted by dNll (softmax - one-hot), summed over
// the tokens for each word. token-nll.wgsl turned around: a workgroup has ROWS words and works through all tokens, 64 at
// a time; the normalizers are known, so the weights are final at once.
//
// Constants: H, ROWS.
// uses tile.wgsl weighted-sum.wgsl

struct Parameters {
  count: u32,
  vocabulary: u32,
  /** Whose targets the tokens have: as in token-nll-combine.wgsl. */
  rows: u32,
  batch: u32,
  firstRow: u32,
  /** Whether the gradients are added to what is there. */
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> hidden: array<f32>; // [count, H]
@group(0) @binding(2) var<storage, read> kernel: array<f32>; // [vocabulary, H]
@group(0) @binding(3) var<storage, read> bias: array<f32>; // [vocabulary]
@group(0) @binding(4) var<storage, read> targets: array<i32>; // [tokens, batch]
@group(0) @binding(5) var<storage, read> logNormalizer: array<f32>; // [count]
@group(0) @binding(6) var<storage, read> dNll: array<f32>; // [count]
@group(0) @binding(7) var<storage, read_write> dKernel: array<f32>; // [vocabulary, H]
@group(0) @binding(8) var<storage, read_write> dBias: array<f32>; // [vocabulary]

var<workgroup> reduced: array<vec4f, THREADS>;

fn rowsAdjacent() -> bool {
  return false;
}

fn columnsAdjacent() -> bool {
  return false;
}

fn rowValue(word: u32, k: u32) -> f32 {
  if (word < p.vocabulary && k < H) {
    return kernel[word * H + k];
  }
  return 0.0;
}

fn columnValue(token: u32, k: u32) -> f32 {
  if (token < p.count && k < H) {
    return hidden[token * H + k];
  }
  return 0.0;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let word0 = workgroup.x * ROWS;
  let group = thread % ROW_GROUPS;
  let lane = thread / ROW_GROUPS;
  let words = word0 + 4u * group + vec4u(0u, 1u, 2u, 3u);
  var biases = vec4f(0.0);
  for (var i = 0u; i < 4u; i++) {
    if (words[i] < p.vocabulary) {
      biases[i] = bias[words[i]];
    }
  }
  var weightSum = vec4f(0.0);
  for (var token0 = 0u; token0 < p.count; token0 += COLUMNS) {
    let logits = tileProduct(word0, token0, H, thread);
    for (var j = 0u; j < OWN; j++) {
      let token = token0 + lane * OWN + j;
      var weight = vec4f(0.0);
      if (token < p.count) {
        let probability = exp(logits[j] + biases - logNormalizer[token]);
        let place = token / p.rows * p.batch + (p.firstRow + token % p.rows) % p.batch;
        let hit = vec4f(words == vec4u(u32(targets[place])));
        weight = dNll[token] * (probability - hit);
      }
      weights[(lane * OWN + j) * ROW_GROUPS + group] = weight;
      weightSum += weight;
    }
    workgroupBarrier();
    addWeighted(token0, min(COLUMNS, p.count - token0), thread);
  }
  for (var r = 0u; r < ROWS; r++) {
    for (var e = 0u; e < ELEMENTS; e++) {
      let element = e * THREADS + thread;
      if (word0 + r < p.vocabulary && element < H) {
        let to = (word0 + r) * H + element;
        var value = weightedSum(r, e);
        if (p.accumulate != 0u) {
          value += dKernel[to];
        }
        dKernel[to] = value;
      }
    }
  }
  reduced[thread] = weightSum;
  workgroupBarrier();
  if (lane == 0u) {
    var sum = vec4f(0.0);
    for (var l = 0u; l < LANES; l++) {
      sum += reduced[l * ROW_GROUPS + group];
    }
    for (var i = 0u; i < 4u; i++) {
      if (words[i] < p.vocabulary) {
        var value = sum[i];
        if (p.accumulate != 0u) {
          value += dBias[words[i]];
        }
        dBias[words[i]] = value;
      }
    }
  }
}
