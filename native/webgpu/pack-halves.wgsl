// Numbers of full precision, four by four, to numbers of half precision, two a word. What is beyond a half's 65,504 becomes
// infinite.

struct Parameters {
  /** Of fours. */
  count: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec2u>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = (workgroup.y * workgroups.x + workgroup.x) * 256u + thread;
  if (i < p.count) {
    out[i] = vec2u(pack2x16float(x[i].xy), pack2x16float(x[i].zw));
  }
}
