/**
 * @file Programs in processes apart, for what may hang, crash or grow on hostile bytes: killed, they take nothing along. They never keep
 * this program alive, and end with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Starts a module of plain JavaScript that answers every message with one of its own.
 * @param heapMegabytes what its JavaScript objects may take; beyond it the process ends.
 */
export function startProgram(text: string, heapMegabytes: number): ChildProcess {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const ending =
    "process.on('disconnect', () => process.kill(process.pid, 'SIGKILL')); process.on('SIGINT', () => {});";
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${heapMegabytes}`, '--input-type=module', '--eval', `${ending}\n${text}`],
    { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], serialization: 'advanced', env },
  );
  // An error between two messages ends the process; whoever asks next learns of it.
  child.on('error', () => {});
  child.unref();
  child.channel?.unref();
  return child;
}

/**
 * Sends a message and waits for the answer.
 * @param subject what takes the time, for messages.
 * @throws Error if none comes within `timeoutMs`, or the process ends. Then the process is of no more use: kill it.
 */
export async function askProgram<Reply>(
  child: ChildProcess,
  message: object,
  timeoutMs: number,
  subject: string,
): Promise<Reply> {
  let finish = () => {};
  try {
    return await new Promise<Reply>((resolve, reject) => {
      const onMessage = (reply: unknown) => resolve(reply as Reply);
      const onExit = () => reject(new Error(`${subject} took too much memory, or ended the decoder`));
      const onError = (error: Error) => reject(new Error(`the decoding process failed: ${error.message}`));
      const timer = setTimeout(() => reject(new Error(`${subject} must take at most ${timeoutMs} ms`)), timeoutMs);
      child.on('message', onMessage).on('exit', onExit).on('error', onError);
      finish = () => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit).off('error', onError);
      };
      if (child.exitCode !== null || child.signalCode !== null) onExit();
      else child.send(message, (error) => error && onExit());
    });
  } finally {
    finish();
  }
}
