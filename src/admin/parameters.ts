import { OPERATIONS, type Operation, type OperationId, type Parameter, type QueryOf } from './operations.js'
import { AdminProblem } from './problem.js'

/** What the query says, as the operation declares it. @param given as Fastify read it @throws AdminProblem */
export function readQuery<I extends OperationId>(id: I, given: unknown): QueryOf<I> {
  const { query: declared = {} }: Operation = OPERATIONS[id]
  const values = new Map(Object.entries(given as Readonly<Record<string, unknown>>))
  for (const name of values.keys()) {
    if (Object.hasOwn(declared, name)) continue
    const known = Object.keys(declared)
    throw bad(`there is no parameter "${name}"; ${known.length === 0 ? 'it takes none' : `known: ${known.join(', ')}`}`)
  }
  const read = Object.entries(declared).map(([name, parameter]) => [name, valueIn(name, parameter, values.get(name))])
  return Object.fromEntries(read) as QueryOf<I>
}

function valueIn(name: string, parameter: Parameter, text: unknown): number | boolean | string | undefined {
  if (Array.isArray(text)) throw bad(`${name} is given twice`)
  if (typeof text !== 'string') return parameter.type === 'integer' ? parameter.default : undefined
  switch (parameter.type) {
    case 'integer': {
      const { minimum, maximum } = parameter
      const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
      if (value >= minimum && value <= maximum) return value
      throw bad(`${name} is a number from ${minimum} to ${maximum}`)
    }
    case 'boolean':
      if (text === 'true' || text === 'false') return text === 'true'
      throw bad(`${name} is true or false`)
    case 'text':
      if (text !== '') return text
      throw bad(`${name} is empty`)
  }
}

const bad = (detail: string): AdminProblem => new AdminProblem('bad_request', detail)
