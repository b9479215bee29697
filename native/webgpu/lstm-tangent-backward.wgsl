// The derivative in every direction of z of lstm-backward.wgsl's way back: how the gradients in the gates (summed over
// time) and in h_0 move as z moves along one axis. With lstm-tangent-forward.wgsl it gives products of the NLL's Hessian
// with the axes, which is the Hessian. Rows are as there; the adjoints of h and c are lstm-backward.wgsl's.
//
// Constants: H hidden units, Z latent dimensions, G rows of a workgroup, W threads of a workgroup, U = ceil(H / W) units
// of a thread.
// uses activations.wgsl

struct Parameters {
  tokens: u32,
  /** Those of lstm-backward.wgsl; Z times as many here. */
  rows: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> kernel: array<vec4f>; // [H to, H from]: a unit's four gates
@group(0) @binding(2) var<storage, read> cells: array<f32>; // [tokens, rows, H]
@group(0) @binding(3) var<storage, read> activations: array<vec4f>; // [tokens, rows, H]
@group(0) @binding(4) var<storage, read> adjoints: array<vec2f>; // [tokens, rows, H]: of h_t and of c_t
@group(0) @binding(5) var<storage, read> dCells: array<f32>; // [tokens, rows Z, H]
@group(0) @binding(6) var<storage, read> dActivations: array<vec4f>; // [tokens, rows Z, H]
@group(0) @binding(7) var<storage, read> fromAbove: array<f32>; // [tokens, rows Z, H]: of the adjoint from above
@group(0) @binding(8) var<storage, read_write> dLatentGates: array<f32>; // [rows Z, 4 H]
@group(0) @binding(9) var<storage, read_write> dInitial: array<f32>; // [rows Z, H]

/** The gates' gradients of the token in hand. */
var<workgroup> dGatesNow: array<vec4f, G * H>;

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row0 = group.x * G;
  let count = p.rows * Z;
  var dIntoHidden: array<f32, U * G>;
  var dIntoCell: array<f32, U * G>;
  var sums: array<vec4f, U * G>;
  for (var i = 0u; i < U * G; i++) {
    dIntoHidden[i] = 0.0;
    dIntoCell[i] = 0.0;
    sums[i] = vec4f(0.0);
  }
  for (var back = 0u; back < p.tokens; back++) {
    let t = p.tokens - 1u - back;
    for (var j = 0u; j < U; j++) {
      let unit = j * W + thread;
      if (unit < H) {
        for (var s = 0u; s < G; s++) {
          let i = j * G + s;
          let q = min(row0 + s, count - 1u);
          let at = (t * p.rows + q / Z) * H + unit;
          let moved = (t * count + q) * H + unit;
          let gates = activations[at];
          let d = dActivations[moved];
          let c = squash(cells[at]);
          let dc = (1.0 - c * c) * dCells[moved];
          var previous = 0.0;
          var dPrevious = 0.0;
          if (t > 0u) {
            previous = cells[at - p.rows * H];
            dPrevious = dCells[moved - count * H];
          }
          let intoHidden = adjoints[at].x;
          let intoCell = adjoints[at].y;
          let dHidden = fromAbove[moved] + dIntoHidden[i];
          let dCell = dHidden * gates.w * (1.0 - c * c)
            + intoHidden * (d.w * (1.0 - c * c) - 2.0 * gates.w * c * dc)
            + dIntoCell[i];
          // What goes into each gate's value, and how that moves; then through the gate's function, whose slope moves too.
          let into = vec4f(intoCell * gates.z, intoCell * previous, intoCell * gates.x, intoHidden * c);
          let dInto = vec4f(
            dCell * gates.z + intoCell * d.z,
            dCell * previous + intoCell * dPrevious,
            dCell * gates.x + intoCell * d.x,
            dHidden * c + intoHidden * dc,
          );
          let dSlopes = d * vec4f(1.0 - 2.0 * gates.x, 1.0 - 2.0 * gates.y, -2.0 * gates.z, 1.0 - 2.0 * gates.w);
          let dGates = dInto * slopes(gates) + into * dSlopes;
          dIntoCell[i] = dCell * gates.y + intoCell * d.y;
          sums[i] += dGates;
          dGatesNow[s * H + unit] = dGates;
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
          let u = kernel[k * H + unit];
          for (var s = 0u; s < G; s++) {
            gathered[s] += dot(dGatesNow[s * H + k], u);
          }
        }
        for (var s = 0u; s < G; s++) {
          dIntoHidden[j * G + s] = gathered[s];
        }
      }
    }
    workgroupBarrier();
  }
  for (var j = 0u; j < U; j++) {
    let unit = j * W + thread;
    for (var s = 0u; s < G; s++) {
      let q = row0 + s;
      if (unit < H && q < count) {
        let sum = sums[j * G + s];
        let to = q * 4u * H + unit;
        dLatentGates[to] = sum.x;
        dLatentGates[to + H] = sum.y;
        dLatentGates[to + 2u * H] = sum.z;
        dLatentGates[to + 3u * H] = sum.w;
        dInitial[q * H + unit] = dIntoHidden[j * G + s];
      }
    }
  }
}
