/** @file Exit codes, messages, tables and Ctrl-C. */
import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { MediaError } from '../engine/core/index.ts';
import { exitCodeOf, explain, InterruptedError, UsageError } from './failure.ts';
import { listenForInterrupt } from './interrupt.ts';
import { displayWidth, formatTable } from './output.ts';

test('exit codes tell failure, wrong use and interruption apart', () => {
  const codes = [new MediaError('x'), new UsageError('x'), new InterruptedError('x'), 'thrown text'].map(exitCodeOf);
  expect(codes).toEqual([1, 2, 130, 1]);
  expect(exitCodeOf(new DOMException('stop', 'AbortError'))).toBe(130);
});

describe('explain', () => {
  test('is one message without a stack', () => {
    const error = new Error('library broken', { cause: new Error('disk full') });
    expect(explain(error, false)).toBe('library broken (disk full)');
    expect(explain(new Error('disk full: a', { cause: new Error('disk full') }), false)).toBe('disk full: a');
    expect(explain(new InterruptedError('x'), false)).toBe('interrupted');
  });

  test('shows stacks and causes when asked', () => {
    const text = explain(new Error('library broken', { cause: new Error('disk full') }), true);
    expect(text).toMatch(/library broken\n\s+at .*failure\.test\.ts/);
    expect(text).toMatch(/caused by Error: disk full/);
  });
});

test('tables line up, also with wide letters', () => {
  expect(displayWidth('ab夏🍉é')).toBe(7);
  expect(
    formatTable(
      [
        ['n', 'name'],
        ['10', '夏'],
        ['2', 'ab'],
      ],
      [0],
    ),
  ).toEqual([' n  name', '10  夏', ' 2  ab']);
  expect(
    formatTable([
      ['夏', 'x'],
      ['a', 'y'],
    ]),
  ).toEqual(['夏  x', 'a   y']);
});

test('the first Ctrl-C aborts with a reason, the second ends the process', () => {
  const exits: number[] = [];
  const source = Object.assign(new EventEmitter(), {
    exit: ((code: number) => void exits.push(code)) as unknown as NodeJS.Process['exit'],
    stderr: { write: () => true } as unknown as NodeJS.Process['stderr'],
  });
  const interrupt = listenForInterrupt(source as unknown as NodeJS.Process);
  source.emit('SIGINT');
  expect(interrupt.signal.reason).toBeInstanceOf(InterruptedError);
  expect(exits).toEqual([]);
  source.emit('SIGTERM');
  expect(exits).toEqual([130]);
  interrupt.dispose();
  expect(source.listenerCount('SIGINT') + source.listenerCount('SIGTERM')).toBe(0);
});
