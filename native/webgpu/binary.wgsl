// Two numbers in, one number out, with either operand repeated along the axes where it has only one. Which function it
// is comes with the parameters, as in unary.wgsl.
//
// uses nan.wgsl

struct Parameters {
  count: u32,
  operation: u32,
  rank: u32,
  integers: u32,
  shape: array<vec4u, 2>,
  /** 0 along an axis that is repeated. */
  aStrides: array<vec4u, 2>,
  bStrides: array<vec4u, 2>,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<u32>;

/** A number that no compiler can see to be NaN, which WGSL does not let be written. */
fn nan() -> f32 {
  return bitcast<f32>(0x7fc00000u | p.count);
}

/** x^y as IEEE 754 has it, where WGSL defines it for x > 0 alone. */
fn power(x: f32, y: f32) -> f32 {
  if (y == 0.0) {
    return 1.0;
  }
  if (isNan(x) || isNan(y) || (x < 0.0 && y != round(y))) {
    return nan();
  }
  let size = pow(abs(x), y);
  return select(size, -size, x < 0.0 && abs(y) % 2.0 == 1.0);
}

fn onFloats(x: f32, y: f32) -> u32 {
  switch (p.operation) {
    case 0u: { return bitcast<u32>(x + y); }
    case 1u: { return bitcast<u32>(x - y); }
    case 2u: { return bitcast<u32>(x * y); }
    case 3u: { return bitcast<u32>(x / y); }
    case 4u: { return bitcast<u32>(larger(x, y)); }
    case 5u: { return bitcast<u32>(smaller(x, y)); }
    case 6u: { return bitcast<u32>((x - y) * (x - y)); }
    case 7u: { return bitcast<u32>(power(x, y)); }
    case 8u: { return u32(x > y); }
    case 9u: { return u32(x >= y); }
    case 10u: { return u32(x < y); }
    case 11u: { return u32(x <= y); }
    case 12u: { return u32(x == y); }
    default: { return u32(x != y); }
  }
}

fn onIntegers(x: i32, y: i32) -> u32 {
  switch (p.operation) {
    case 0u: { return bitcast<u32>(x + y); }
    case 1u: { return bitcast<u32>(x - y); }
    case 2u: { return bitcast<u32>(x * y); }
    case 4u: { return bitcast<u32>(max(x, y)); }
    case 5u: { return bitcast<u32>(min(x, y)); }
    case 6u: { return bitcast<u32>((x - y) * (x - y)); }
    case 8u: { return u32(x > y); }
    case 9u: { return u32(x >= y); }
    case 10u: { return u32(x < y); }
    case 11u: { return u32(x <= y); }
    case 12u: { return u32(x == y); }
    case 13u: { return u32(x != y); }
    case 14u: { return u32(x != 0 && y != 0); }
    default: { return u32(x != 0 || y != 0); }
  }
}

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
  var aAt = 0u;
  var bAt = 0u;
  for (var axis = p.rank; axis > 0u; axis--) {
    let d = axis - 1u;
    let size = p.shape[d / 4u][d % 4u];
    let index = rest % size;
    rest /= size;
    aAt += index * p.aStrides[d / 4u][d % 4u];
    bAt += index * p.bStrides[d / 4u][d % 4u];
  }
  if (p.integers != 0u) {
    out[i] = onIntegers(bitcast<i32>(a[aAt]), bitcast<i32>(b[bAt]));
  } else {
    out[i] = onFloats(bitcast<f32>(a[aAt]), bitcast<f32>(b[bAt]));
  }
}
