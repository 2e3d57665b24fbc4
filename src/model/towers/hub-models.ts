/**
 * @file Encoders of the Hugging Face hub by family: which files of a repository make a tower, and which output its features are. The
 * families are CLIP (Radford et al. 2021, arXiv 2103.00020), SigLIP (Zhai et al. 2023, arXiv 2303.15343) and SigLIP 2 (Tschannen et al. 2025,
 * arXiv 2502.14786), CLAP (Wu et al. 2022, arXiv 2211.06687), and the encoder of Whisper (Radford et al. 2022, arXiv 2212.04356).
 */

/** What a hub tower takes. */
export type HubModality = 'text' | 'picture' | 'audio';

/** One tower of a family. */
export interface HubTowerFiles {
  /** The class of transformers.js that runs it; any class where it has none for the encoder alone. */
  readonly modelClass: string;
  /** The graph, `onnx/<graph>.onnx`. */
  readonly graph: string;
  /** What is read beside `config.json` and the graph. */
  readonly files: readonly string[];
  /** The output that holds the features. */
  readonly output: string;
  /** Whether that output is `[N, F]`, or `[N, T, F]` to be averaged over time. */
  readonly pooling: 'none' | 'mean';
  /** Texts are filled up to so many tokens; to the longest of a batch if absent. */
  readonly numTokens?: number;
}

/** The towers of a family. */
export type HubFamily = Readonly<Partial<Record<HubModality, HubTowerFiles>>>;

const textFiles = ['tokenizer.json', 'tokenizer_config.json'] as const;
const mediaFiles = ['preprocessor_config.json'] as const;

/** Families by the `model_type` of `config.json`. SigLIP 2 of fixed resolution calls itself `siglip`. */
export const hubFamilies: Readonly<Record<string, HubFamily>> = {
  clip: {
    picture: {
      modelClass: 'CLIPVisionModelWithProjection',
      graph: 'vision_model',
      files: mediaFiles,
      output: 'image_embeds',
      pooling: 'none',
    },
    text: {
      modelClass: 'CLIPTextModelWithProjection',
      graph: 'text_model',
      files: textFiles,
      output: 'text_embeds',
      pooling: 'none',
    },
  },
  siglip: {
    picture: {
      modelClass: 'SiglipVisionModel',
      graph: 'vision_model',
      files: mediaFiles,
      output: 'pooler_output',
      pooling: 'none',
    },
    // Trained on texts of this length, and weak on others.
    text: {
      modelClass: 'SiglipTextModel',
      graph: 'text_model',
      files: textFiles,
      output: 'pooler_output',
      pooling: 'none',
      numTokens: 64,
    },
  },
  clap: {
    audio: {
      modelClass: 'ClapAudioModelWithProjection',
      graph: 'audio_model',
      files: mediaFiles,
      output: 'audio_embeds',
      pooling: 'none',
    },
    text: {
      modelClass: 'ClapTextModelWithProjection',
      graph: 'text_model',
      files: textFiles,
      output: 'text_embeds',
      pooling: 'none',
    },
  },
  whisper: {
    audio: {
      modelClass: 'PreTrainedModel',
      graph: 'encoder_model',
      files: mediaFiles,
      output: 'last_hidden_state',
      pooling: 'mean',
    },
  },
};
