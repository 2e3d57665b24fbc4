/** @file The text encoder: a small transformer over tokens that starts from nothing. */
export { initTextEncoder, type TextEncoder, type TextEncoderOptions, textEncoder } from './text-encoder.ts';
