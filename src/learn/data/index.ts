/** @file The data to learn from: what is installed, what it shows and says, and who may see it when. */
export {
  type CatalogOptions,
  heldOutArtists,
  type PictureRecord,
  type PictureSource,
  readCatalog,
  trainingSources,
} from './catalog.ts';
export { type Split, splitOf } from './concept.ts';
export {
  type DebianDescription,
  type DebianOptions,
  type DebianResult,
  describeDebian,
  installDebian,
} from './debian.ts';
export { type DebianPackage, debianPackages } from './debian-packages.ts';
export {
  type EvaluationItem,
  type EvaluationOptions,
  type EvaluationSplit,
  evaluationItems,
  readEvaluation,
} from './evaluation.ts';
export {
  type DataDescription,
  describeData,
  type InstallOptions,
  installData,
  type PackageState,
} from './install.ts';
export { type DataPackage, dataPackages, defaultDataDirectory } from './packages.ts';
export { readSounds, type SoundOptions, type SoundRecord } from './sounds.ts';
export { readSpeechPhrases, type SpeechClip, type SpeechOptions, type SpeechPhrase, speechClips } from './speech.ts';
export { type SpeechLanguage, type SpeechVoice, speak, speechVoices } from './speech-voices.ts';
