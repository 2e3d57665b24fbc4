import { describe, expect, it } from 'vitest';
import { MissingDataError } from '../../engine/core/index.ts';
import { parseDictionary, readDictionary } from './cedict.ts';

const lines = (...entries: string[]) => ['# CC-CEDICT', '#! version=1', ...entries, ''].join('\r\n');

describe('parseDictionary', () => {
  it('reads both forms of a word with what it means', () => {
    expect(parseDictionary(lines('飛機 飞机 [fei1 ji1] /airplane/CL:架[jia4]/'))).toEqual([
      { simplified: '飞机', traditional: '飛機', isProperName: false, glosses: ['airplane'] },
    ]);
  });

  it('takes out notes, however deep, and what speaks of the word itself', () => {
    const [entry] = parseDictionary(
      lines(
        '打 打 [da3] /to beat (a drum (or the like)); to strike/old variant of 扑[pu1]/surname Da/see 打擊[da3 ji1]/lit. to hit sb with sth (idiom); fig. to win/(dialect)/',
      ),
    );
    expect(entry!.glosses).toEqual(['to beat', 'to strike', 'to hit somebody with something', 'to win']);
  });

  it('tells names by their reading', () => {
    const [place] = parseDictionary(lines('北京 北京 [Bei3 jing1] /Beijing, capital of China/'));
    expect(place).toMatchObject({ isProperName: true, glosses: ['Beijing, capital of China'] });
  });

  it('passes over words without a usable gloss, and lines that are no entries', () => {
    expect(
      parseDictionary(lines('丩 丩 [jiu1] /archaic variant of 糾|纠[jiu1]/', 'nonsense', 'B B [B] /bee/')),
    ).toEqual([]);
    expect(parseDictionary(lines(`長 长 [chang2] /${'very '.repeat(20)}long/`))).toEqual([]);
  });

  it('says what to do where the dictionary is not installed', () => {
    expect(() => readDictionary('/nowhere')).toThrow(MissingDataError);
    expect(() => readDictionary('/nowhere')).toThrow('npm run data');
  });
});
