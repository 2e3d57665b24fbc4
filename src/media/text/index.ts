/** @file Text to token ids. */
export { type BpeNormalizer, ByteLevelBpe, padTokensWithMask, type TokenizerJson } from './byte-level-bpe.ts';
export { type BpeTrainingOptions, trainByteLevelBpe } from './train-byte-level-bpe.ts';
export { padTokens, UnigramTokenizer } from './unigram-tokenizer.ts';
