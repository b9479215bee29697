// The way back through a whole sequence of the LSTM in one dispatch: the gradient in every gate, summed over time too,
// and in h_0.
//
// Rows and units are shared out as in lstm-forward.wgsl. A step first turns dL/dh_t and dL/dc_t into the gradients of its
// gates, each unit by itself, and lays those of all units into the workgroup's memory; then every unit gathers
// dL/dh_{t-1} from all of them through the transposed kernel.
//
// Constants: H hidden units, G rows of a workgroup, W threads of a workgroup, U = ceil(H / W) units of a thread.
// uses activations.wgsl
// With recurrent-kernel.wgsl or recurrent-kernel-halves.wgsl: [H to, H from].

struct Parameters {
  tokens: u32,
  batch: u32,
  rows: u32,
  /** As in lstm-forward.wgsl. */
  firstRow: u32,
  /** Whether dOutputs is multiplied by the mask. */
  masked: u32,
  /** Whether the gates' gradients are wanted token by token. */
  keepGates: u32,
  /** Whether dL/dh_t and dL/dc_t are, as lstm-tangent-backward.wgsl wants them. */
  keepAdjoints: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> cells: array<f32>; // [tokens, rows, H]
@group(0) @binding(2) var<storage, read> activations: array<vec4f>; // [tokens, rows, H]
@group(0) @binding(3) var<storage, read> dOutputs: array<f32>; // [tokens, rows, H]
@group(0) @binding(5) var<storage, read> mask: array<f32>; // [tokens, batch, H]
@group(0) @binding(6) var<storage, read_write> dGates: array<f32>; // [tokens, rows, 4 H]
@group(0) @binding(7) var<storage, read_write> dLatentGates: array<f32>; // [rows, 4 H]
@group(0) @binding(8) var<storage, read_write> dInitial: array<f32>; // [rows, H]
@group(0) @binding(9) var<storage, read_write> adjoints: array<vec2f>; // [tokens, rows, H]: of h_t and of c_t

/** The gates' gradients of the token in hand. */
var<workgroup> dGatesNow: array<vec4f, G * H>;

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row0 = group.x * G;
  var dHidden: array<f32, U * G>;
  var dCell: array<f32, U * G>;
  var sums: array<vec4f, U * G>;
  for (var i = 0u; i < U * G; i++) {
    dHidden[i] = 0.0;
    dCell[i] = 0.0;
    sums[i] = vec4f(0.0);
  }
  for (var back = 0u; back < p.tokens; back++) {
    let t = p.tokens - 1u - back;
    for (var j = 0u; j < U; j++) {
      let unit = j * W + thread;
      if (unit < H) {
        for (var s = 0u; s < G; s++) {
          let i = j * G + s;
          let row = min(row0 + s, p.rows - 1u);
          let at = (t * p.rows + row) * H + unit;
          let gates = activations[at];
          let c = squash(cells[at]);
          var previous = 0.0;
          if (t > 0u) {
            previous = cells[at - p.rows * H];
          }
          var fromAbove = dOutputs[at];
          if (p.masked != 0u) {
            fromAbove *= mask[(t * p.batch + (p.firstRow + row) % p.batch) * H + unit];
          }
          let dh = dHidden[i] + fromAbove;
          let dc = dCell[i] + dh * gates.w * (1.0 - c * c);
          let d = vec4f(
            dc * gates.z * gates.x * (1.0 - gates.x),
            dc * previous * gates.y * (1.0 - gates.y),
            dc * gates.x * (1.0 - gates.z * gates.z),
            dh * c * gates.w * (1.0 - gates.w),
          );
          dCell[i] = dc * gates.y;
          sums[i] += d;
          dGatesNow[s * H + unit] = d;
          if (p.keepAdjoints != 0u && row0 + s < p.rows) {
            adjoints[at] = vec2f(dh, dc);
          }
          if (p.keepGates != 0u && row0 + s < p.rows) {
            let to = (t * p.rows + row) * 4u * H + unit;
            dGates[to] = d.x;
            dGates[to + H] = d.y;
            dGates[to + 2u * H] = d.z;
            dGates[to + 3u * H] = d.w;
          }
        }
      }
    }
    workgroupBarrier();
    for (var j = 0u; j < U; j++) {
      let unit = j * W + thread;
      if (unit < H) {
        var gathered: array<f32, G>;
        for (var s = 0u; s < G; s++) {
          gathered[s] = 0.0;
        }
        for (var k = 0u; k < H; k++) {
          let u = gateWeights(k * H + unit);
          for (var s = 0u; s < G; s++) {
            gathered[s] += dot(dGatesNow[s * H + k], u);
          }
        }
        for (var s = 0u; s < G; s++) {
          dHidden[j * G + s] = gathered[s];
        }
      }
    }
    workgroupBarrier();
  }
  for (var j = 0u; j < U; j++) {
    let unit = j * W + thread;
    for (var s = 0u; s < G; s++) {
      let row = row0 + s;
      if (unit < H && row < p.rows) {
        let sum = sums[j * G + s];
        let to = row * 4u * H + unit;
        dLatentGates[to] = sum.x;
        dLatentGates[to + H] = sum.y;
        dLatentGates[to + 2u * H] = sum.z;
        dLatentGates[to + 3u * H] = sum.w;
        dInitial[row * H + unit] = dHidden[j * G + s];
      }
    }
  }
}
