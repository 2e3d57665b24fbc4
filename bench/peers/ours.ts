/** @file Our own contender: the step of a workload as one session. Usage: `ours.js <workload> <threads> [profile prefix]`. */
import { adamW } from '../../src/engine/index.ts';
import { answerSteps } from '../harness/answer.ts';
import { residentMiB } from '../harness/memory.ts';
import { workloads } from '../workloads/index.ts';

const [name = '', threads = '1', profilePrefix] = process.argv.slice(2);
const baseMiB = residentMiB('VmRSS');
const train = await workloads[name]!().compile(adamW({ learningRate: 1e-3, weightDecay: 0.01, maxGradNorm: 1 }), {
  numThreads: Number(threads),
  ...(profilePrefix === undefined ? {} : { profilePrefix }),
});
const info = { version: `Node ${process.versions.node}`, threads: Number(threads), baseMiB };
await answerSteps(info, () => train.step());
await train.close();
