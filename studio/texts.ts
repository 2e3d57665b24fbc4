/** @file Every sentence of the page, in each of its languages. A sentence that one language lacks does not compile. */
import type { ApiErrorKind, SearchNotice } from '../src/serve/protocol/index.ts';

/** The languages of the interface, by the code that browsers use, each in its own name. */
export const languages = { en: 'English', zh: '中文' } as const;

/** The code of an interface language. */
export type Language = keyof typeof languages;

/** Queries to begin with; English in every interface, because the encoder reads English only so far. */
export const exampleQueries = [
  'a slice of pizza',
  'something to keep me dry in the rain',
  'a sleepy cat',
  'fast vehicle',
  'I am so happy',
  'tropical island',
] as const;

/** The sentences of one language. */
export interface Texts {
  readonly headline: string;
  readonly tagline: string;
  readonly searchLabel: string;
  readonly placeholder: string;
  readonly pickPicture: string;
  readonly removePicture: string;
  readonly clear: string;
  readonly tryThese: string;
  readonly dropHere: string;
  readonly results: string;
  readonly loading: string;
  readonly waitingForEncoder: string;
  readonly encoderFailed: string;
  readonly encoderLoading: string;
  readonly noPicturesYet: string;
  readonly noHits: string;
  readonly notice: Readonly<Record<SearchNotice['kind'], string>>;
  readonly connectionLost: string;
  readonly starting: string;
  readonly close: string;
  readonly previous: string;
  readonly next: string;
  readonly findSimilar: string;
  readonly openFile: string;
  readonly similarity: string;
  readonly keys: readonly (readonly [key: string, does: string])[];
  readonly language: string;
  readonly tryAgain: string;
  readonly notAPicture: string;
  readonly found: (hits: string, searched: string, milliseconds: string) => string;
  readonly hitLabel: (rank: string, name: string, score: string) => string;
  readonly indexing: (done: string, total: string) => string;
  readonly perSecond: (rate: string) => string;
  readonly timeLeft: (seconds: number) => string;
  readonly indexed: (pictures: string) => string;
  readonly indexingFailed: (message: string) => string;
  readonly failure: Readonly<Record<ApiErrorKind | 'unreachable', (message: string) => string>>;
}

const en: Texts = {
  headline: 'Find a picture by describing it',
  tagline: 'Type what you have in mind, or drop a picture to find others like it.',
  searchLabel: 'Describe a picture',
  placeholder: 'Describe a picture…',
  pickPicture: 'Search by a picture',
  removePicture: 'Remove the picture',
  clear: 'Clear the search',
  tryThese: 'Try',
  dropHere: 'Drop the picture to search by it',
  results: 'Results',
  loading: 'Searching…',
  waitingForEncoder: 'Waiting for the model to load…',
  encoderFailed: 'The model could not be loaded, so nothing can be searched.',
  encoderLoading: 'model loading',
  noPicturesYet: 'No pictures are indexed yet. Results appear here as soon as the first are.',
  noHits: 'Nothing was found.',
  notice: {
    'chinese-not-yet': 'Chinese queries come later: so far only English is understood. Please ask in English.',
    'script-not-yet': 'Queries in this script come later: so far only English is understood. Please ask in English.',
  },
  connectionLost: 'The server does not answer. Trying again…',
  starting: 'Counting the pictures…',
  close: 'Close',
  previous: 'Previous picture',
  next: 'Next picture',
  findSimilar: 'Find similar',
  openFile: 'Open picture',
  similarity: 'Similarity',
  keys: [
    ['/', 'search'],
    ['↑ ↓ ← →', 'move'],
    ['↵', 'open'],
    ['Esc', 'clear'],
  ],
  language: 'Language',
  tryAgain: 'Try again',
  notAPicture: 'That is not a picture. PNG, JPEG, WebP, GIF and SVG can be searched by.',
  found: (hits, searched, milliseconds) => `Best ${hits} of ${searched} pictures, in ${milliseconds} ms`,
  hitLabel: (rank, name, score) => `${rank}: ${name}, similarity ${score}`,
  indexing: (done, total) => `${done} of ${total} pictures indexed`,
  perSecond: (rate) => `${rate}/s`,
  timeLeft: (seconds) =>
    seconds < 60 ? `${Math.max(1, Math.round(seconds))} s left` : `${Math.round(seconds / 60)} min left`,
  indexed: (pictures) => `${pictures} pictures`,
  indexingFailed: (message) => `Indexing stopped: ${message}`,
  failure: {
    'bad-request': (message) => message,
    media: (message) => `This picture cannot be read: ${message}`,
    'too-large': () => 'This picture is too large: 20 MB is the limit.',
    'not-found': (message) => message,
    forbidden: (message) => message,
    'not-ready': (message) => `The model could not be loaded: ${message}`,
    internal: () => 'The server failed. Its log says why.',
    unreachable: () => 'The server does not answer. Is it still running?',
  },
};

const zh: Texts = {
  headline: '描述一下，就能找到图片',
  tagline: '输入你想到的画面，或拖入一张图片来查找相似的图片。',
  searchLabel: '描述一张图片',
  placeholder: '描述一张图片（目前请用英文）…',
  pickPicture: '用图片搜索',
  removePicture: '移除图片',
  clear: '清除搜索',
  tryThese: '试试',
  dropHere: '松开即可用这张图片搜索',
  results: '结果',
  loading: '正在搜索…',
  waitingForEncoder: '正在等待模型加载…',
  encoderFailed: '模型加载失败，暂时无法搜索。',
  encoderLoading: '模型加载中',
  noPicturesYet: '还没有已索引的图片。第一批完成后，结果会立即显示在这里。',
  noHits: '没有找到图片。',
  notice: {
    'chinese-not-yet': '中文查询将在以后支持：目前只能理解英文，请用英文描述。',
    'script-not-yet': '这种文字的查询将在以后支持：目前只能理解英文，请用英文描述。',
  },
  connectionLost: '服务器没有响应，正在重试…',
  starting: '正在统计图片…',
  close: '关闭',
  previous: '上一张',
  next: '下一张',
  findSimilar: '查找相似图片',
  openFile: '打开原图',
  similarity: '相似度',
  keys: [
    ['/', '搜索'],
    ['↑ ↓ ← →', '移动'],
    ['↵', '打开'],
    ['Esc', '清除'],
  ],
  language: '语言',
  tryAgain: '重试',
  notAPicture: '这不是图片。可以使用 PNG、JPEG、WebP、GIF 和 SVG 图片搜索。',
  found: (hits, searched, milliseconds) => `在 ${searched} 张图片中找到最接近的 ${hits} 张，用时 ${milliseconds} 毫秒`,
  hitLabel: (rank, name, score) => `第 ${rank} 名：${name}，相似度 ${score}`,
  indexing: (done, total) => `已索引 ${done} / ${total} 张图片`,
  perSecond: (rate) => `每秒 ${rate} 张`,
  timeLeft: (seconds) =>
    seconds < 60 ? `还剩 ${Math.max(1, Math.round(seconds))} 秒` : `还剩 ${Math.round(seconds / 60)} 分钟`,
  indexed: (pictures) => `${pictures} 张图片`,
  indexingFailed: (message) => `索引已停止：${message}`,
  failure: {
    'bad-request': (message) => `请求有误：${message}`,
    media: (message) => `无法读取这张图片：${message}`,
    'too-large': () => '这张图片太大，上限为 20 MB。',
    'not-found': (message) => `没有找到：${message}`,
    forbidden: (message) => `请求被拒绝：${message}`,
    'not-ready': (message) => `模型加载失败：${message}`,
    internal: () => '服务器出错，原因见其日志。',
    unreachable: () => '服务器没有响应。它还在运行吗？',
  },
};

/** The sentences by language. */
export const texts: Readonly<Record<Language, Texts>> = { en, zh };
