/** @file Every sentence of the page, in each of its languages. A sentence that one language lacks does not compile. */
import type { ApiErrorKind, SearchNotice, SegmentKind } from '../src/serve/protocol/index.ts';

/** The languages of the interface, by the code that browsers use, each in its own name. */
export const languages = { en: 'English', zh: '中文' } as const;

/** The code of an interface language. */
export type Language = keyof typeof languages;

/** Queries to begin with, in each language. */
export const exampleQueries = {
  en: ['a slice of pizza', 'a sleepy cat', 'fast vehicle', 'snare drum', 'vinyl scratch', 'waving hand'],
  zh: ['披萨', '猫', '快车', '军鼓', '唱片刮擦声', '挥手'],
} as const satisfies Readonly<Record<Language, readonly string[]>>;

/** The sentences of one language. */
export interface Texts {
  readonly headline: string;
  readonly tagline: string;
  readonly searchLabel: string;
  readonly placeholder: string;
  readonly pickFile: string;
  readonly removeFile: string;
  readonly clear: string;
  readonly tryThese: string;
  readonly dropHere: string;
  readonly results: string;
  readonly loading: string;
  readonly waitingForEncoder: string;
  readonly encoderFailed: string;
  readonly encoderLoading: string;
  readonly nothingYet: string;
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
  readonly notAFile: string;
  readonly kindsLabel: string;
  readonly kinds: Readonly<Record<SegmentKind | 'all', string>>;
  readonly seconds: (seconds: string) => string;
  readonly found: (hits: string, searched: string, milliseconds: string) => string;
  readonly hitLabel: (rank: string, name: string, score: string) => string;
  readonly indexing: (done: string, total: string) => string;
  readonly perSecond: (rate: string) => string;
  readonly timeLeft: (seconds: number) => string;
  readonly indexed: (pictures: string, videos: string, sounds: string) => string;
  readonly indexingFailed: (message: string) => string;
  readonly failure: Readonly<Record<ApiErrorKind | 'unreachable', (message: string) => string>>;
}

const en: Texts = {
  headline: 'Find it by describing it',
  tagline: 'Pictures, sounds and what moves: say in English or Chinese what you have in mind, or drop a file.',
  searchLabel: 'Describe a picture, a sound or a movement',
  placeholder: 'Describe a picture, a sound, a movement…',
  pickFile: 'Search by a picture, sound or video',
  removeFile: 'Remove the file',
  clear: 'Clear the search',
  tryThese: 'Try',
  dropHere: 'Drop the file to search by it',
  results: 'Results',
  loading: 'Searching…',
  waitingForEncoder: 'Waiting for the model to load…',
  encoderFailed: 'The model could not be loaded, so nothing can be searched.',
  encoderLoading: 'model loading',
  nothingYet: 'Nothing is indexed yet. Results appear here as soon as the first are.',
  noHits: 'Nothing was found.',
  notice: {
    'chinese-not-yet': 'This model does not understand Chinese. Please ask in English.',
    'script-not-yet': 'Queries in this script are not understood. Please ask in English or Chinese.',
  },
  connectionLost: 'The server does not answer. Trying again…',
  starting: 'Counting the files…',
  close: 'Close',
  previous: 'Previous',
  next: 'Next',
  findSimilar: 'Find similar',
  openFile: 'Open file',
  similarity: 'Similarity',
  keys: [
    ['/', 'search'],
    ['↑ ↓ ← →', 'move'],
    ['↵', 'open'],
    ['Esc', 'clear'],
  ],
  language: 'Language',
  tryAgain: 'Try again',
  notAFile: 'That is not a picture, sound or video.',
  kindsLabel: 'What to find',
  kinds: { all: 'All', image: 'Pictures', audio: 'Sounds', video: 'Moving', text: 'Texts' },
  seconds: (seconds) => `${seconds} s`,
  found: (hits, searched, milliseconds) => `Best ${hits} of ${searched} files, in ${milliseconds} ms`,
  hitLabel: (rank, name, score) => `${rank}: ${name}, similarity ${score}`,
  indexing: (done, total) => `${done} of ${total} files indexed`,
  perSecond: (rate) => `${rate}/s`,
  timeLeft: (seconds) =>
    seconds < 60 ? `${Math.max(1, Math.round(seconds))} s left` : `${Math.round(seconds / 60)} min left`,
  indexed: (pictures, videos, sounds) => `${pictures} pictures · ${videos} moving pictures · ${sounds} sounds`,
  indexingFailed: (message) => `Indexing stopped: ${message}`,
  failure: {
    'bad-request': (message) => message,
    media: (message) => `This file cannot be used: ${message}`,
    'too-large': () => 'This file is too large: 20 MB is the limit.',
    'not-found': (message) => message,
    forbidden: (message) => message,
    'not-ready': (message) => `The model could not be loaded: ${message}`,
    internal: () => 'The server failed. Its log says why.',
    unreachable: () => 'The server does not answer. Is it still running?',
  },
};

const zh: Texts = {
  headline: '描述一下，就能找到',
  tagline: '图片、声音和动态画面：用中文或英文描述，或拖入一个文件。',
  searchLabel: '描述图片、声音或动作',
  placeholder: '描述图片、声音或动作…',
  pickFile: '用图片、声音或视频搜索',
  removeFile: '移除文件',
  clear: '清除搜索',
  tryThese: '试试',
  dropHere: '松开即可用这个文件搜索',
  results: '结果',
  loading: '正在搜索…',
  waitingForEncoder: '正在等待模型加载…',
  encoderFailed: '模型加载失败，暂时无法搜索。',
  encoderLoading: '模型加载中',
  nothingYet: '还没有已索引的文件。第一批完成后，结果会立即显示在这里。',
  noHits: '没有找到。',
  notice: {
    'chinese-not-yet': '此模型不支持中文，请用英文描述。',
    'script-not-yet': '不支持这种文字的查询，请用中文或英文描述。',
  },
  connectionLost: '服务器没有响应，正在重试…',
  starting: '正在统计文件…',
  close: '关闭',
  previous: '上一个',
  next: '下一个',
  findSimilar: '查找相似内容',
  openFile: '打开文件',
  similarity: '相似度',
  keys: [
    ['/', '搜索'],
    ['↑ ↓ ← →', '移动'],
    ['↵', '打开'],
    ['Esc', '清除'],
  ],
  language: '语言',
  tryAgain: '重试',
  notAFile: '这不是图片、声音或视频。',
  kindsLabel: '查找内容',
  kinds: { all: '全部', image: '图片', audio: '声音', video: '动态', text: '文字' },
  seconds: (seconds) => `${seconds} 秒`,
  found: (hits, searched, milliseconds) => `在 ${searched} 个文件中找到最接近的 ${hits} 个，用时 ${milliseconds} 毫秒`,
  hitLabel: (rank, name, score) => `第 ${rank} 名：${name}，相似度 ${score}`,
  indexing: (done, total) => `已索引 ${done} / ${total} 个文件`,
  perSecond: (rate) => `每秒 ${rate} 个`,
  timeLeft: (seconds) =>
    seconds < 60 ? `还剩 ${Math.max(1, Math.round(seconds))} 秒` : `还剩 ${Math.round(seconds / 60)} 分钟`,
  indexed: (pictures, videos, sounds) => `${pictures} 张图片 · ${videos} 个动态画面 · ${sounds} 个声音`,
  indexingFailed: (message) => `索引已停止：${message}`,
  failure: {
    'bad-request': (message) => `请求有误：${message}`,
    media: (message) => `无法使用这个文件：${message}`,
    'too-large': () => '这个文件太大，上限为 20 MB。',
    'not-found': (message) => `没有找到：${message}`,
    forbidden: (message) => `请求被拒绝：${message}`,
    'not-ready': (message) => `模型加载失败：${message}`,
    internal: () => '服务器出错，原因见其日志。',
    unreachable: () => '服务器没有响应。它还在运行吗？',
  },
};

/** The sentences by language. */
export const texts: Readonly<Record<Language, Texts>> = { en, zh };
