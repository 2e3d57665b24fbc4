/** @file The contenders of the training bench for one workload: started one after another, checked against each other, measured in turns. */
import type { PeerInfo, RunAnswer } from './answer.ts';
import { type Figures, figuresOf, interleave } from './measure.ts';
import { type Peer, PeerError } from './peer.ts';

/** A contender: how its process is started for a workload, and how much of the run it gets. */
export interface Contender {
  readonly name: string;
  start(workload: string, startPath: string): Peer;
  /** Its steps take seconds: it gets fewer of them. */
  readonly slow?: boolean;
}

/** A contender that is running, what it says of itself, and the losses and times of its first steps. */
export interface Running extends Contender {
  readonly peer: Peer;
  readonly info: PeerInfo;
  readonly first: RunAnswer;
}

/** What came of starting the contenders. */
export interface Started {
  readonly running: readonly Running[];
  /** One sentence for each that cannot take the step, with its own words. */
  readonly refusals: readonly string[];
}

const numCheckedSteps = 5;
const stepsPerBlock = 4;
const slowRounds = 5;
/** A slow contender whose step takes longer than this takes no further ones: what it took first is its figure. */
const longStepMs = 15_000;
/** Answers that take longer are not waited for. */
const longestAnswerSeconds = 300;

/** Starts the contenders and lets each take its first steps. The first contender must be able to. `peers` receives every process. */
export async function startContenders(
  contenders: readonly Contender[],
  workload: string,
  startPath: string,
  peers: Peer[],
): Promise<Started> {
  const [running, refusals]: [Running[], string[]] = [[], []];
  for (const contender of contenders) {
    const peer = contender.start(workload, startPath);
    peers.push(peer);
    try {
      const info = await peer.ask<PeerInfo>('info', longestAnswerSeconds);
      running.push({ ...contender, peer, info, first: await firstSteps(contender, peer) });
    } catch (error) {
      if (!(error instanceof PeerError) || contender === contenders[0]) throw error;
      refusals.push(`${contender.name} cannot take this step: ${error.message}`);
    }
  }
  return { running, refusals };
}

/** Five steps; of a slow contender two, of a very slow one only the first. */
async function firstSteps({ slow }: Contender, peer: Peer): Promise<RunAnswer> {
  if (!slow) return await peer.ask(`run ${numCheckedSteps}`, longestAnswerSeconds);
  const one = await peer.ask<RunAnswer>('run 1', longestAnswerSeconds);
  if (one.milliseconds[0]! > 4 * longStepMs) return one;
  const two = await peer.ask<RunAnswer>('run 1', longestAnswerSeconds);
  return { milliseconds: [...one.milliseconds, ...two.milliseconds], losses: [...one.losses, ...two.losses] };
}

/** Measures the running contenders in turns: times of a step in milliseconds, by name. */
export async function measureContenders(running: readonly Running[], rounds: number): Promise<Map<string, Figures>> {
  const isLong = ({ slow, first }: Running) => slow === true && first.milliseconds.at(-1)! > longStepMs;
  const sample = async ({ slow, peer }: Running) =>
    slow
      ? (await peer.ask<RunAnswer>('run 1', longestAnswerSeconds)).milliseconds
      : (await peer.ask<RunAnswer>(`run ${stepsPerBlock + 1}`)).milliseconds.slice(1);
  const figures = await interleave(
    running
      .filter((contender) => !isLong(contender))
      .map((contender) => ({
        name: contender.name,
        ...(contender.slow ? { rounds: slowRounds } : {}),
        sample: () => sample(contender),
      })),
    { rounds },
  );
  const long = running
    .filter(isLong)
    .map(({ name, first }) => [name, figuresOf(first.milliseconds.slice(-1))] as const);
  return new Map([...figures, ...long]);
}

/** A sentence on how far apart the losses are. @throws Error if the two did not train the same thing. */
export function compareLosses(ours: Running, other: Running): string {
  const theirs = other.first.losses;
  const own = ours.first.losses.slice(0, theirs.length);
  const difference = Math.max(...theirs.map((loss, i) => Math.abs(own[i]! - loss) / Math.abs(loss)));
  const shown = (losses: readonly number[]) => losses.map((loss) => loss.toFixed(5)).join(' ');
  if (!(difference < 1e-3)) {
    throw new Error(`the losses differ by ${difference}: ours ${shown(own)}; ${other.name} ${shown(theirs)}`);
  }
  return `the first ${theirs.length} losses (${shown(own)}) differ from those of ${other.name} by at most ${difference.toExponential(1)} (relative).`;
}
