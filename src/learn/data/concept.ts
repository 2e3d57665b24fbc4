/**
 * @file What counts as one concept, and the split that it falls into. No concept may be trained on in one split and asked for in
 * another, so everything that draws the same thing must share a key: the same emoji by several artists, its skin tones and
 * genders, a person facing the other way, a red and a blue heart.
 *
 * The rule has three steps:
 * 1. `emojiKey`: the base code point of an emoji, without variation selectors, skin tones, gender, family members, hair and direction.
 *    A profession keeps its object (a firefighter is a person with a fire engine); any other joined sequence is its first part
 *    (a phoenix is kept with the bird that it is encoded as); a keycap is its digit; a flag of a region is the whole sequence.
 * 2. `joinConcepts`: keys that share a lemma, or the very same drawing, are joined (union-find). The lemma is the CLDR short name without gender, "face",
 *    colour and size ("dog face" is "dog", "blue heart" is "heart"). Keys also share a lemma when the whole lemma of one occurs as a
 *    phrase in the lemma of the other ("hot dog", "guide dog", "dog"): then no name of a held-out concept can be read in a train name.
 * 3. `splitOf`: a hash of the joined key decides between train (70 %), validation (15 %) and test (15 %).
 */
import { createHash } from 'node:crypto';

/** Which part of the data a concept belongs to. */
export type Split = 'train' | 'validation' | 'test';

const zeroWidthJoiner = 0x200d;
const person = 0x1f9d1;
/** Selectors, the enclosing keycap, skin tones, gender signs, hair: never part of what is drawn. */
const modifiers = new Set([0xfe0e, 0xfe0f, 0x20e3, 0x2640, 0x2642, 0x1f3fb, 0x1f3fc, 0x1f3fd, 0x1f3fe, 0x1f3ff]);
/** Arrows that turn a person ("facing right") or move a head; never a concept of their own after a joiner. */
const directions = new Set([0x27a1, 0x2b05, 0x2194, 0x2195]);
/** One code point for those that differ only in gender or in the number of family members. */
const neutral: ReadonlyMap<number, number> = new Map([
  [0x1f468, person], // man
  [0x1f469, person], // woman
  [0x1f466, 0x1f9d2], // boy: child
  [0x1f467, 0x1f9d2], // girl: child
  [0x1f474, 0x1f9d3], // old man: older person
  [0x1f475, 0x1f9d3], // old woman: older person
  [0x1f46c, 0x1f46b], // men holding hands
  [0x1f46d, 0x1f46b], // women holding hands
  [0x1f934, 0x1fac5], // prince: person with crown
  [0x1f478, 0x1fac5], // princess: person with crown
  [0x1f936, 0x1f385], // Mrs. Claus: Santa Claus
  [0x1f483, 0x1f57a], // woman dancing: man dancing
  [0x1f930, 0x1fac4], // pregnant woman: pregnant person
  [0x1fac3, 0x1fac4], // pregnant man: pregnant person
]);
/**
 * Keys whose drawings some artist made the same, byte for byte, so that they may not part: flags of islands that fly another country's, Chad
 * and Romania, Indonesia and Monaco; and Fluent's high-contrast disks and angry faces.
 */
const sameDrawing: readonly (readonly string[])[] = [
  ...['AU HM', 'NO BV SJ', 'FR CP MF', 'IO DG', 'ES EA', 'US UM', 'RO TD', 'ID MC'].map((regions) =>
    regions.split(' ').map((region) => Array.from(region, (letter) => hexOf(letter.charCodeAt(0) + 0x1f1a5)).join('-')),
  ),
  ['1f4bf', '1f4c0'], // optical disk, dvd
  ['1f620', '1f621'], // angry face, enraged face
];
const people = new Set([person, 0x1f9d2]);
const kiss = 0x1f48b;
const heart = 0x2764;
const christmasTree = 0x1f384;
const handshake = 0x1f91d;
const rabbitEars = 0x1f430;
const isHair = (point: number) => point >= 0x1f9b0 && point <= 0x1f9b3;
const isRegional = (point: number) => point >= 0x1f1e6 && point <= 0x1f1ff;
const isTag = (point: number) => point >= 0xe0020 && point <= 0xe007f;

/** The code points of an emoji given as text ("🍕") or as the file names of emoji packages write it ("1F355", "1f468-200d-1f692"). */
export function codePointsOf(emoji: string): number[] {
  if (/^[0-9a-f]{2,6}(-[0-9a-f]{2,6})*$/i.test(emoji) && !/^[0-9]$/.test(emoji)) {
    return emoji.split('-').map((hex) => Number.parseInt(hex, 16));
  }
  return Array.from(emoji, (character) => character.codePointAt(0)!);
}

/** Whether the emoji is a flag design: of a region, or one of the black and white flags and what is drawn on them. */
export function isFlagEmoji(codePoints: readonly number[]): boolean {
  const first = codePoints[0] ?? 0;
  return isRegional(first) || first === 0x1f3f3 || first === 0x1f3f4;
}

/** Whether the emoji has a skin tone; the catalog leaves these out, for they draw the same concept again. */
export function hasSkinTone(codePoints: readonly number[]): boolean {
  return codePoints.some((point, index) => index > 0 && point >= 0x1f3fb && point <= 0x1f3ff);
}

/** The key under which CLDR and this catalog know an emoji: hyphenated hexadecimal code points without variation selectors. */
export function sequenceKey(codePoints: readonly number[]): string {
  return codePoints
    .filter((point) => point !== 0xfe0f && point !== 0xfe0e)
    .map(hexOf)
    .join('-');
}

/**
 * The concept key of one emoji, before names are compared (step 1 of the file comment), as lower-case hexadecimal code points.
 * @throws RangeError when there is no code point.
 */
export function emojiKey(codePoints: readonly number[]): string {
  const first = codePoints[0];
  if (first === undefined) throw new RangeError('emojiKey: needs at least one code point, got none');
  if (isRegional(first)) return codePoints.filter(isRegional).map(hexOf).join('-');
  if (codePoints.some(isTag))
    return codePoints
      .filter((point) => point === first || isTag(point))
      .map(hexOf)
      .join('-');
  const parts: number[] = [];
  let joined = false;
  for (const point of codePoints) {
    if (point === zeroWidthJoiner) joined = true;
    else if (parts.length > 0 && modifiers.has(point)) continue;
    else if (joined && directions.has(point)) continue;
    else parts.push(neutral.get(point) ?? point);
  }
  const base = parts[0]!;
  if (!people.has(base)) return hexOf(base);
  return personKey(base, parts.slice(1));
}

/** People are told apart by what they hold or do; companions make a couple or a family. */
function personKey(base: number, others: readonly number[]): string {
  if (others.includes(kiss)) return hexOf(0x1f48f);
  if (others.includes(heart)) return hexOf(0x1f491);
  if (others.includes(christmasTree)) return hexOf(0x1f385);
  if (others.includes(handshake)) return hexOf(0x1f46b);
  if (others.includes(rabbitEars)) return hexOf(0x1f46f);
  if (others.some((point) => people.has(point))) return hexOf(0x1f46a);
  const objects = others.filter((point) => !isHair(point));
  return [base, ...objects].map(hexOf).join('-');
}

function hexOf(point: number): string {
  return point.toString(16).padStart(4, '0');
}

const genderWords = new Set(
  'man men woman women person people boy girl boys girls child children mx mr mrs merman mermaid merperson'.split(' '),
);
const colourWords = new Set(
  'red orange yellow green blue light purple brown black white grey gray pink blond blonde small medium large'.split(
    ' ',
  ),
);

/** Words in lower case, without punctuation, plural endings removed: the form in which names are compared. */
export function wordsOf(text: string): string[] {
  const plain = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[’']s\b/g, '')
    .replace(/[’']/g, '');
  return (plain.match(/[\p{L}\p{N}#*]+/gu) ?? []).map(singular);
}

/** A plural noun without its ending, by spelling alone; applied to both sides of a comparison, so a wrong guess does no harm. */
function singular(word: string): string {
  if (word.length < 4 || /(ss|us|is)$/.test(word)) return word;
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  if (/(ch|sh|x|ss|zz|o)es$/.test(word)) return word.slice(0, -2);
  return word.endsWith('s') ? word.slice(0, -1) : word;
}

/**
 * The lemma of a CLDR short name: its words without gender, "face", "facing …", colour and size.
 * A name made of nothing else ("woman", "orange") keeps its words.
 */
export function lemmaOf(name: string): string {
  if (/^flag:/i.test(name)) return wordsOf(name).join(' ');
  const all = wordsOf(name.replace(/:?\s*facing (right|left)$/i, ''));
  const withoutPeople = all.filter((word) => !genderWords.has(word));
  const withoutFace = withoutPeople.filter((word) => word !== 'face');
  const kept = withoutFace.length > 0 ? withoutFace : withoutPeople.length > 0 ? withoutPeople : all;
  const last = kept.length - 1;
  return kept.filter((word, index) => index === last || !colourWords.has(word)).join(' ');
}

/** Whether a lemma is made of words for people, colours and sizes alone, which describe too much to be a concept's own name. */
export function isPlainAttribute(lemma: string): boolean {
  return lemma.split(' ').every((word) => genderWords.has(word) || colourWords.has(word));
}

/** One emoji as `joinConcepts` takes it. */
export interface NamedEmoji {
  /** From `emojiKey`. */
  readonly key: string;
  /** The CLDR short name. */
  readonly name: string;
  readonly isFlag: boolean;
}

/**
 * Joins the keys that share a lemma (step 2 of the file comment) and tells the concept of each key: the first key, in order of
 * text, of those joined. The names of flags are not compared, for they hold names of countries.
 */
export function joinConcepts(emoji: readonly NamedEmoji[]): ReadonlyMap<string, string> {
  const parent = new Map<string, string>();
  const find = (key: string): string => {
    const up = parent.get(key) ?? key;
    if (up === key) return key;
    const root = find(up);
    parent.set(key, root);
    return root;
  };
  const union = (a: string, b: string) => {
    const [first, second] = [find(a), find(b)].sort();
    if (first !== second) parent.set(second!, first!);
  };
  const keysOfLemma = new Map<string, string>();
  for (const { key, name, isFlag } of emoji) {
    if (!parent.has(key)) parent.set(key, key);
    if (isFlag) continue;
    const lemma = lemmaOf(name);
    const known = keysOfLemma.get(lemma);
    if (known === undefined) keysOfLemma.set(lemma, key);
    else union(known, key);
  }
  for (const [lemma, key] of keysOfLemma) {
    const words = lemma.split(' ');
    for (const phrase of phrasesOf(words)) {
      const part = keysOfLemma.get(phrase);
      if (part !== undefined) union(part, key);
    }
  }
  for (const [first, ...others] of sameDrawing) {
    for (const other of others) if (parent.has(first!) && parent.has(other)) union(first!, other);
  }
  return new Map([...parent.keys()].map((key) => [key, find(key)]));
}

/** Every run of consecutive words, joined by a space: "hot dog" gives "hot", "hot dog", "dog". */
export function phrasesOf(words: readonly string[]): string[] {
  return words.flatMap((_, from) => words.slice(from).map((_, more) => words.slice(from, from + more + 1).join(' ')));
}

/**
 * The split of a concept: the first 32 bits of SHA-256 of `sensorium split 1: <concept>`, as a fraction of 2^32. Below 0.70 is
 * train, below 0.85 validation, the rest test. Depends on nothing but the key, so adding data moves no concept.
 */
export function splitOf(concept: string): Split {
  const fraction = createHash('sha256').update(`sensorium split 1: ${concept}`).digest().readUInt32BE(0) / 2 ** 32;
  return fraction < 0.7 ? 'train' : fraction < 0.85 ? 'validation' : 'test';
}
