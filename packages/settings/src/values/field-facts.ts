// The facts that a schema's field carries. A mark such as `secret` sits on the value, the description on the outermost
// wrapper (`port().default(4443).describe('…')`), so the facts are gathered from the outside inwards.
import { z } from 'zod';
import type { ValueMeta } from './value.js';

export interface FieldFacts {
  expected?: string;
  summary?: string;
  unit?: string;
  example?: string;
  description?: string;
  secret: boolean;
  /** Absent when the field has no default. */
  default?: unknown;
  required: boolean;
}

export function fieldFacts(field: z.core.$ZodType): FieldFacts {
  const facts: FieldFacts = { secret: false, required: true };
  for (const layer of layersInwards(field)) {
    const meta: ValueMeta & { description?: string | undefined } = z.globalRegistry.get(layer) ?? {};
    facts.secret ||= meta.secret === true;
    for (const name of ['expected', 'summary', 'unit', 'example', 'description'] as const) {
      if (meta[name] !== undefined) facts[name] ??= meta[name];
    }
    const { def } = (layer as z.core.$ZodTypes)._zod;
    if (def.type === 'default' || def.type === 'prefault') {
      facts.default ??= def.defaultValue;
      facts.required = false;
    }
    if (def.type === 'optional' || def.type === 'nullable') facts.required = false;
  }
  return facts;
}

function* layersInwards(field: z.core.$ZodType): Generator<z.core.$ZodType> {
  let layer: z.core.$ZodType | undefined = field;
  while (layer !== undefined) {
    yield layer;
    layer = nextLayer((layer as z.core.$ZodTypes)._zod.def);
  }
}

function nextLayer(def: z.core.$ZodTypes['_zod']['def']): z.core.$ZodType | undefined {
  if ('innerType' in def) return def.innerType;
  if (def.type !== 'pipe') return undefined;
  // `.transform()` has our value on its input side, `z.preprocess()` has the schema on its output side.
  return def.in._zod.def.type === 'transform' ? def.out : def.in;
}
