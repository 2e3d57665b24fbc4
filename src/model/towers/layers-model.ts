/**
 * @file TensorFlow.js layers-models (Keras) as our graphs: one table entry a layer class. Pictures are channels-first from the start.
 * Batch normalizations end up inside the convolutions before them; layers of several outputs or calls are refused.
 */
import { FormatError, type Tensor, UnsupportedOpError } from '../../engine/core/index.ts';
import type { TfjsModel } from '../../engine/formats/index.ts';
import { add, clip, relu, type Value } from '../../engine/graph/index.ts';
import { convolve, padPlane, scaleChannels } from './channels-first.ts';

interface Layer {
  readonly className: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Names of the layers whose results this one takes. */
  readonly inputs: readonly string[];
}

type LayerConverter = (layer: Layer, inputs: readonly Value[], weight: (name: string) => Tensor) => Value;

const convolution =
  (depthwise: boolean): LayerConverter =>
  ({ name, config }, [x], weight) => {
    const { strides, padding, dilation_rate, data_format, activation, use_bias } = config;
    const plain = String(dilation_rate ?? '1,1') === '1,1' && (data_format ?? 'channels_last') === 'channels_last';
    if (!plain || (activation ?? 'linear') !== 'linear' || (padding !== 'same' && padding !== 'valid')) {
      throw new UnsupportedOpError(`tfjs layers: "${name}": needs channels_last, no dilation and no activation`);
    }
    return convolve(x!, {
      kernel: weight(depthwise ? 'depthwise_kernel' : 'kernel'),
      ...(use_bias ? { bias: weight('bias') } : {}),
      depthwise,
      strides: pair(name, strides),
      padding: padding === 'same' ? 'SAME' : 'VALID',
    });
  };

/** How each Keras layer becomes ops of ours. */
const converters: Readonly<Record<string, LayerConverter>> = {
  Conv2D: convolution(false),
  DepthwiseConv2D: convolution(true),
  ZeroPadding2D: ({ name, config }, [x]) => {
    const [rows, columns] = Array.isArray(config.padding) ? (config.padding as unknown[]) : [];
    return padPlane(x!, pair(name, rows), pair(name, columns));
  },
  BatchNormalization: ({ config }, [x], weight) => {
    const numbers = (name: string) => weight(name).data as Float32Array;
    const mean = numbers('moving_mean');
    const variance = numbers('moving_variance');
    const gamma = config.scale === false ? undefined : numbers('gamma');
    const beta = config.center === false ? undefined : numbers('beta');
    const scale = variance.map((v, c) => (gamma?.[c] ?? 1) / Math.sqrt(v + Number(config.epsilon)));
    return scaleChannels(
      x!,
      scale,
      mean.map((m, c) => (beta?.[c] ?? 0) - m * scale[c]!),
    );
  },
  ReLU: ({ name, config }, [x]) => {
    if (config.negative_slope || config.threshold) {
      throw new UnsupportedOpError(`tfjs layers: "${name}": a slope or threshold in ReLU is not supported`);
    }
    return typeof config.max_value === 'number' ? clip(x!, 0, config.max_value) : relu(x!);
  },
  Add: (_, inputs) => inputs.reduce((sum, value) => add(sum, value)),
};

/**
 * A function from the name of a layer to its result, with the model's input layers standing for `inputs`.
 * @throws FormatError if the model's description is nonsense; UnsupportedOpError naming a layer that has no converter.
 */
export function convertLayersModel(model: TfjsModel, inputs: ReadonlyMap<string, Value>): (name: string) => Value {
  const layers = layersOf(model);
  const values = new Map<string, Value>(inputs);
  let next = 0;

  const convert = (layer: Layer): void => {
    if (values.has(layer.name)) return;
    if (!Object.hasOwn(converters, layer.className)) {
      throw new UnsupportedOpError(`tfjs layers: "${layer.name}": the class ${layer.className} has no converter`);
    }
    const given = layer.inputs.map((name) => {
      const value = values.get(name);
      if (value === undefined)
        throw new FormatError(`tfjs layers: "${layer.name}" needs "${name}", which comes later or never`);
      return value;
    });
    if (given.length === 0) throw new FormatError(`tfjs layers: "${layer.name}" has no input`);
    const weight = (name: string) => {
      const tensor = model.weights.get(`${layer.name}/${name}`);
      if (tensor?.dtype !== 'float32') throw new FormatError(`tfjs layers: no float32 weight "${layer.name}/${name}"`);
      return tensor;
    };
    values.set(layer.name, converters[layer.className]!(layer, given, weight));
  };

  return (wanted) => {
    // Keras lists layers in an order that can be run; no further than the wanted one.
    for (; !values.has(wanted) && next < layers.length; next++) convert(layers[next]!);
    const value = values.get(wanted);
    if (value === undefined) throw new FormatError(`tfjs layers: there is no layer "${wanted}"`);
    return value;
  };
}

function layersOf(model: TfjsModel): Layer[] {
  const config = record(record(model.topology.model_config)?.config);
  if (model.format !== 'layers-model' || !Array.isArray(config?.layers)) {
    throw new FormatError('tfjs layers: needs a layers-model with model_config.config.layers');
  }
  return config.layers.map((entry: unknown, i) => {
    const layer = record(entry);
    const [name, className] = [layer?.name, layer?.class_name];
    const calls = Array.isArray(layer?.inbound_nodes) ? (layer.inbound_nodes as unknown[]) : [];
    if (typeof name !== 'string' || typeof className !== 'string' || calls.length > 1) {
      throw new FormatError(`tfjs layers: layer ${i} must have a name, a class_name and at most one call`);
    }
    const sources = Array.isArray(calls[0]) ? (calls[0] as unknown[]) : [];
    return {
      name,
      className,
      config: record(layer?.config) ?? {},
      inputs: sources.map((source) => String(Array.isArray(source) ? source[0] : source)),
    };
  });
}

function pair(layer: string, value: unknown): [number, number] {
  if (!Array.isArray(value) || value.length !== 2 || !value.every((item) => Number.isInteger(item) && item >= 0)) {
    throw new FormatError(`tfjs layers: "${layer}": needs two whole numbers, got ${JSON.stringify(value)}`);
  }
  return [value[0], value[1]];
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
