// Numbers from where they lie to where they are wanted: slices, transposes, tiles, repeats, and parts of a
// concatenation are all this, with other strides. It runs over an index space of up to eight axes.

struct Parameters {
  count: u32,
  rank: u32,
  from_: u32,
  to: u32,
  shape: array<vec4u, 2>,
  /** 0 along an axis on which the same numbers are repeated. */
  fromStrides: array<vec4u, 2>,
  toStrides: array<vec4u, 2>,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;

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
  var rest = i;
  var from_ = p.from_;
  var to = p.to;
  for (var axis = p.rank; axis > 0u; axis--) {
    let d = axis - 1u;
    let size = p.shape[d / 4u][d % 4u];
    let index = rest % size;
    rest /= size;
    from_ += index * p.fromStrides[d / 4u][d % 4u];
    to += index * p.toStrides[d / 4u][d % 4u];
  }
  out[to] = x[from_];
}
