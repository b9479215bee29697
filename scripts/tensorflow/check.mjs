// Run by itself, with the folder of @tensorflow/tfjs-node: is it able to compute? Prints what it computes with, as
// JSON.

import { createRequire } from 'node:module';
import process from 'node:process';

const require = createRequire(import.meta.url);

// The package calls two functions that Node 23 took out.
const util = require('node:util');
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
util.isArray ??= Array.isArray;

process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';
const tf = require(process.argv[2]);
const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2])).dataSync();
if (product.join() !== '19,22,43,50') throw new Error(`[1 2; 3 4] [5 6; 7 8] came out as ${product.join()}`);
const { binding, isUsingGpuDevice } = tf.backend();
process.stdout.write(`\n${JSON.stringify({ version: binding.TF_Version, gpu: isUsingGpuDevice })}\n`);
