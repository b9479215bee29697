// The output layer's softmax, without its logits ever being stored: for each token the largest logit, the sum of
// exp(logit - largest) and, where a gradient is wanted, the sum of exp(logit - largest) times the kernel's rows, from
// which token-nll-combine.wgsl makes the loss and its gradient.
//
// As in flash attention (Dao et al. 2022), a workgroup has ROWS tokens and one slice of the vocabulary, which it works
// through 64 words at a time; when the largest logit grows, what was summed before is scaled down. The threads that
// share 4 tokens all keep their maximum and sum.
//
// Constants: H, ROWS, GRADIENT.
// uses tile.wgsl weighted-sum.wgsl

struct Parameters {
  count: u32,
  vocabulary: u32,
  /** Words of a slice, a multiple of 64. */
  slice: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> hidden: array<f32>; // [count, H]
@group(0) @binding(2) var<storage, read> kernel: array<f32>; // [vocabulary, H]
@group(0) @binding(3) var<storage, read> bias: array<f32>; // [vocabulary]
@group(0) @binding(4) var<storage, read_write> statistics: array<vec2f>; // [slices, count]: largest, sum
@group(0) @binding(5) var<storage, read_write> sums: array<f32>; // [slices, count, H]

const LOWEST = -3.0e38;

var<workgroup> reduced: array<vec4f, THREADS>;
var<workgroup> rescale: array<vec4f, ROW_GROUPS>;

fn rowsAdjacent() -> bool {
  return false;
}

fn columnsAdjacent() -> bool {
  return false;
}

fn rowValue(row: u32, k: u32) -> f32 {
  if (row < p.count && k < H) {
    return hidden[row * H + k];
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
  var largest = vec4f(LOWEST);
  var sum = vec4f(0.0);
  for (var word0 = begin; word0 < end; word0 += COLUMNS) {
    var logits = tileProduct(row0, word0, H, thread);
    var tileLargest = vec4f(LOWEST);
    for (var j = 0u; j < OWN; j++) {
      let word = word0 + lane * OWN + j;
      if (word < end) {
        logits[j] += bias[word];
      } else {
        logits[j] = vec4f(LOWEST);
      }
      tileLargest = max(tileLargest, logits[j]);
    }
    reduced[thread] = tileLargest;
    workgroupBarrier();
    let before = largest;
    for (var l = 0u; l < LANES; l++) {
      largest = max(largest, reduced[l * ROW_GROUPS + group]);
    }
    let scale = exp(before - largest);
    var tileSum = vec4f(0.0);
    for (var j = 0u; j < OWN; j++) {
      let weight = exp(logits[j] - largest);
      tileSum += weight;
      if (GRADIENT) {
        weights[(lane * OWN + j) * ROW_GROUPS + group] = weight;
      }
    }
    if (GRADIENT && lane == 0u) {
      rescale[group] = scale;
    }
    // The maxima have been read; their place is taken by the sums.
    workgroupBarrier();
    reduced[thread] = tileSum;
    workgroupBarrier();
    sum *= scale;
    for (var l = 0u; l < LANES; l++) {
      sum += reduced[l * ROW_GROUPS + group];
    }
    if (GRADIENT) {
      for (var e = 0u; e < ELEMENTS; e++) {
        for (var g = 0u; g < ROW_GROUPS; g++) {
          weightedSums[e * ROW_GROUPS + g] *= rescale[g];
        }
      }
      addWeighted(word0, min(COLUMNS, end - word0), thread);
    }
  }
  if (lane == 0u) {
    for (var i = 0u; i < 4u; i++) {
      let row = row0 + 4u * group + i;
      if (row < p.count) {
        statistics[workgroup.y * p.count + row] = vec2f(largest[i], sum[i]);
      }
    }
  }
  if (GRADIENT) {
    for (var r = 0u; r < ROWS; r++) {
      for (var e = 0u; e < ELEMENTS; e++) {
        let element = e * THREADS + thread;
        if (row0 + r < p.count && element < H) {
          sums[(workgroup.y * p.count + row0 + r) * H + element] = weightedSum(r, e);
        }
      }
    }
  }
}
