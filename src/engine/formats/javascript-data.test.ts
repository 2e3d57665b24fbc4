import { describe, expect, it } from 'vitest';
import { FormatError } from '../core/index.ts';
import { decodeBase64 } from './base64.ts';
import { readJavascriptData, readJavascriptText } from './javascript-data.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('readJavascriptData', () => {
  it('reads the literal that a wrapped module exports', () => {
    const source = `!function(e){module.exports=e()}(function(){return{1:[function(r,m,x){m.exports={a:1,"b-c":[!0,!1,null,.5,-2e-3,],d:{e:'it\\'s \\u00e9\\n'},f:void 0}},{}]}});`;
    expect(readJavascriptData(bytes(source))).toEqual({
      a: 1,
      'b-c': [true, false, null, 0.5, -0.002],
      d: { e: "it's é\n" },
      f: undefined,
    });
  });

  it('keeps a key named __proto__ as data', () => {
    const value = readJavascriptData(bytes('module.exports={__proto__:{polluted:1}}')) as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([
    ['a call', 'exports={a:f()}'],
    ['a template', 'exports=[`x`]'],
    ['a getter', 'exports={get a(){return 1}}'],
    ['an open object', 'exports={a:1'],
    ['an open text', "exports=['a"],
    ['a broken escape', "exports=['\\u12']"],
    ['no export at all', 'var a={b:1}'],
    ['a bottomless list', `exports=${'['.repeat(5000)}`],
  ])('refuses %s', (_, source) => {
    expect(() => readJavascriptData(bytes(source))).toThrow(FormatError);
  });
});

describe('base64 in a module', () => {
  it('is read as the bytes that Node reads', () => {
    for (let length = 0; length < 20; length++) {
      const content = Uint8Array.from({ length }, (_, i) => (i * 97 + length) & 255);
      const module = bytes(`x.exports="${Buffer.from(content).toString('base64')}"`);
      expect(Array.from(decodeBase64(readJavascriptText(module)))).toEqual(Array.from(content));
    }
  });

  it('is refused where it is broken, naming the byte', () => {
    expect(() => decodeBase64(bytes('TWF*'))).toThrow('byte 3');
    expect(() => decodeBase64(bytes('TWFuT'))).toThrow('cannot be whole bytes');
    expect(() => readJavascriptText(bytes('x.exports="TWFu'))).toThrow(FormatError);
    expect(() => readJavascriptText(bytes('x.exports={}'))).toThrow('no text');
  });
});
