/**
 * @file Data in JavaScript modules: some npm packages ship models as `module.exports = {...}` or `module.exports = "..."`, minified. This
 * reads that value as data, without running any of the module. It knows literals only: objects, arrays, text, numbers, `true` and
 * `false` (also `!0` and `!1`), `null` and `void 0`; templates, comments and expressions are refused.
 */
import { FormatError } from '../core/index.ts';

/** Nesting beyond this is refused; models are a dozen levels deep. */
const maxDepth = 100;
/** The exported literal begins within this many bytes; what precedes it is the module wrapper. */
const searchedBytes = 8192;

/**
 * The first literal assigned to `exports` in a module; `module.exports={a:[1,!0]}` gives `{ a: [1, true] }`.
 * @throws FormatError naming the position, where the module is anything but data.
 */
export function readJavascriptData(source: Uint8Array): unknown {
  const text = new TextDecoder('utf-8', { fatal: false }).decode(source);
  return new LiteralReader(text, exportStart(text)).read();
}

/**
 * The bytes of the first text literal assigned to `exports`, undecoded and shared with `source`: for megabytes of base64.
 * @throws FormatError if there is none, or it holds an escape.
 */
export function readJavascriptText(source: Uint8Array): Uint8Array {
  const begin = exportStart(new TextDecoder('latin1').decode(source.subarray(0, searchedBytes)));
  const quote = source[begin]!;
  if (quote !== 0x22 && quote !== 0x27) throw new FormatError(`javascript data: no text at byte ${begin}`);
  const end = source.indexOf(quote, begin + 1);
  if (end < 0) throw new FormatError(`javascript data: the text at byte ${begin} has no end`);
  const content = source.subarray(begin + 1, end);
  if (content.includes(0x5c)) throw new FormatError(`javascript data: the text at byte ${begin} holds an escape`);
  return content;
}

function exportStart(text: string): number {
  const match = /\bexports\s*=\s*(?=[{["'])/.exec(text.slice(0, searchedBytes));
  if (match === null) throw new FormatError('javascript data: found no literal that is assigned to exports');
  return match.index + match[0].length;
}

const words: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  null: null,
  '!0': true,
  '!1': false,
  'void 0': undefined,
};

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v', '0': '\0' };

const patterns = {
  space: /\s*/y,
  word: /true\b|false\b|null\b|![01]|void 0/y,
  number: /-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y,
  key: /[A-Za-z_$][\w$]*|\d+/y,
};

class LiteralReader {
  readonly #text: string;
  #at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.#at = at;
  }

  read(depth = 0): unknown {
    if (depth > maxDepth) this.#fail(`nesting deeper than ${maxDepth}`);
    this.#match('space');
    const first = this.#text[this.#at];
    if (first === '{') return this.#object(depth);
    if (first === '[') return this.#array(depth);
    if (first === '"' || first === "'") return this.#string(first);
    const word = this.#match('word');
    if (word !== undefined) return words[word];
    const number = this.#match('number');
    if (number !== undefined) return Number(number);
    return this.#fail('expected a literal');
  }

  #object(depth: number): Record<string, unknown> {
    this.#at++;
    const entries: [string, unknown][] = [];
    while (!this.#takes('}')) {
      if (entries.length > 0 && !this.#takes(',')) this.#fail('expected , or }');
      if (this.#takes('}')) break;
      const key = this.#key();
      if (!this.#takes(':')) this.#fail('expected :');
      entries.push([key, this.read(depth + 1)]);
    }
    return Object.fromEntries(entries);
  }

  #array(depth: number): unknown[] {
    this.#at++;
    const items: unknown[] = [];
    while (!this.#takes(']')) {
      if (items.length > 0 && !this.#takes(',')) this.#fail('expected , or ]');
      if (this.#takes(']')) break;
      items.push(this.read(depth + 1));
    }
    return items;
  }

  #key(): string {
    this.#match('space');
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") return this.#string(first);
    return this.#match('key') ?? this.#fail('expected a key');
  }

  #string(quote: string): string {
    let result = '';
    let from = ++this.#at;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || character === '\n') this.#fail('text without an end');
      if (character === quote) break;
      if (character === '\\') {
        result += this.#text.slice(from, this.#at) + this.#escape();
        from = this.#at;
      } else this.#at++;
    }
    result += this.#text.slice(from, this.#at++);
    return result;
  }

  #escape(): string {
    const code = this.#text[this.#at + 1] ?? '';
    const digits = code === 'u' ? 4 : code === 'x' ? 2 : 0;
    if (digits > 0) {
      const hex = this.#text.slice(this.#at + 2, this.#at + 2 + digits);
      if (hex.length !== digits || /[^0-9a-fA-F]/.test(hex)) this.#fail('a broken escape');
      this.#at += 2 + digits;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    if (code === '' || code === '\n') this.#fail('a broken escape');
    this.#at += 2;
    return Object.hasOwn(escapes, code) ? escapes[code]! : code;
  }

  #takes(character: string): boolean {
    this.#match('space');
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #match(name: keyof typeof patterns): string | undefined {
    const pattern = patterns[name];
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text)?.[0];
    if (match !== undefined) this.#at += match.length;
    return match;
  }

  #fail(what: string): never {
    throw new FormatError(`javascript data: ${what} at character ${this.#at}`);
  }
}
