/** @file Text to token ids. */
export { padTokens, UnigramTokenizer } from './unigram-tokenizer.ts';
