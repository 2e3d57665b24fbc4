/** @file Ctrl-C: the first asks the work to stop at a safe point, the second ends the process at once. */
import { exitCodes, InterruptedError } from './failure.ts';

/** A signal, and the way to stop listening. */
export interface Interrupt {
  /** Aborted by the first SIGINT or SIGTERM, with an InterruptedError as its reason. */
  readonly signal: AbortSignal;
  /** Stops listening, so that Ctrl-C ends the process again. */
  dispose(): void;
}

/**
 * Listens for SIGINT and SIGTERM. `process` is only replaced in tests.
 * A command passes `signal` to its work; work that ends with the signal's reason makes the process exit with 130.
 */
export function listenForInterrupt(
  source: Pick<NodeJS.Process, 'on' | 'off' | 'exit' | 'stderr'> = process,
): Interrupt {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) source.exit(exitCodes.interrupted);
    source.stderr.write('\nstopping at a safe point; press Ctrl-C again to stop at once\n');
    controller.abort(new InterruptedError('interrupted'));
  };
  source.on('SIGINT', onSignal);
  source.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    dispose() {
      source.off('SIGINT', onSignal);
      source.off('SIGTERM', onSignal);
    },
  };
}
