import { z } from 'zod'
import { type Kind, kinds } from './scalars.js'

type Path = readonly PropertyKey[]

/** The schema without its defaults, transforms and optional marks: an object, array, record, union or scalar. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const def = (schema as z.core.$ZodTypes)._zod.def
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'prefault':
      return unwrap(def.innerType)
    case 'pipe':
      return unwrap(def.in)
    default:
      return schema
  }
}

/** What a value is called, looked for on the way in. */
export function kindOf(schema: z.core.$ZodType): Kind | undefined {
  const kind = kinds.get(schema as z.ZodType)
  if (kind !== undefined) return kind
  const def = (schema as z.core.$ZodTypes)._zod.def
  if (def.type === 'optional' || def.type === 'default' || def.type === 'prefault') return kindOf(def.innerType)
  return def.type === 'pipe' ? kindOf(def.in) : undefined
}

/** The schema of a place in the file; `undefined` when there is none. In a union the part that has the place. */
export function schemaAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  const [head, ...rest] = path
  if (head === undefined) return schema
  for (const option of alternatives(schema)) {
    const child = childOf(option, head)
    const found = child === undefined ? undefined : schemaAt(child, rest)
    if (found !== undefined) return found
  }
  return undefined
}

/** The keys an object at this place may have; empty for anything else. */
export function keysOf(schema: z.core.$ZodType): string[] {
  return alternatives(schema).flatMap(option => (option instanceof z.ZodObject ? Object.keys(option.shape) : []))
}

/** The members of a union, of unions in it too; otherwise the schema itself. */
export function alternatives(schema: z.core.$ZodType): z.core.$ZodType[] {
  const bare = unwrap(schema)
  return bare instanceof z.ZodUnion ? bare.options.flatMap(alternatives) : [bare]
}

function childOf(schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject) return Object.hasOwn(schema.shape, key) ? schema.shape[String(key)] : undefined
  if (schema instanceof z.ZodArray) return typeof key === 'number' ? schema.element : undefined
  return schema instanceof z.ZodRecord ? schema.valueType : undefined
}
