/** @file How a command ends badly: what is printed, and with which exit code. */

/** Thrown when the command line itself is wrong: an unknown option, a missing value, two that exclude each other. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The reason of the signal that Ctrl-C aborts. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/** What the shell is told: 0 is success, 1 any failure, 2 a wrong command line, 130 an interruption (128 + SIGINT). */
export const exitCodes = { success: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** The exit code that belongs to an error. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof Error)) return exitCodes.failure;
  if (error.name === 'InterruptedError' || error.name === 'AbortError') return exitCodes.interrupted;
  if (error.name === 'UsageError' || error.name === 'CLIError') return exitCodes.usage;
  return exitCodes.failure;
}

/** One clear message for people; with `verbose`, the stack and every cause below it. */
export function explain(error: unknown, verbose: boolean): string {
  if (!(error instanceof Error)) return String(error);
  if (exitCodeOf(error) === exitCodes.interrupted) return 'interrupted';
  const text = verbose ? (error.stack ?? error.message) : withoutColour(error.message || error.name);
  if (!(error.cause instanceof Error)) return text;
  if (verbose) return `${text}\ncaused by ${explain(error.cause, true)}`;
  return text.includes(error.cause.message) ? text : `${text} (${withoutColour(error.cause.message)})`;
}

/** The text without terminal colour codes, which the argument parser puts around names. */
function withoutColour(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for.
  return text.replace(/\u001B\[\d+m/g, '');
}
