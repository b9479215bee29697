// What operations are told beside their tensors.

/** Of `shortRun`. */
export interface ShortRunSchedule {
  /** s_k, one for each of the K steps. */
  stepSizes: Float32Array;
  /** tau, the factor on the noise: 1 in equation 7. */
  temperature: number;
  /** The factor on the prior's term z in the drift: 1 in equation 7. */
  priorWeight: number;
}

/** Of `adam`. */
export interface AdamSettings {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
}
