import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import { PROBLEM_MEDIA_TYPE } from '../http/problem.js'
import type { Answers } from './answers.js'
import { OPERATIONS, type Operation, type OperationId, type Parameter } from './operations.js'
import { ANSWERS, BODIES, EVENTS, PROBLEM } from './schemas.js'

type Node = Readonly<Record<string, unknown>>

const ABOUT = `What a running mulligan can be asked, and told. Reading needs nothing but this port under a name of its own;
what changes something needs the token in the file \`admin.token\` of the state directory. Requests that a web page of
another site could have sent are refused.`

/** The admin side as an OpenAPI 3.1 document, made of the table of operations and the schemas of what they answer. */
export function openapiDocument(): Node {
  const schemas = Object.entries({ ...named(ANSWERS), ...named(EVENTS, 'Event'), Problem: schemaOf(PROBLEM) })
  return {
    openapi: '3.1.1',
    info: {
      title: 'mulligan: admin API',
      version: '1',
      description: ABOUT.replaceAll('\n', ' '),
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: 'http://127.0.0.1:8403', description: 'Unless `listen.admin` says otherwise.' }],
    paths: paths(),
    components: {
      schemas: Object.fromEntries(schemas.sort(([a], [b]) => (a < b ? -1 : 1))),
      responses: {
        Problem: { description: 'Refused.', content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: ref('Problem') } } } },
      },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'The content of `admin.token` in the state directory.' },
      },
    },
  }
}

function paths(): Node {
  const all = new Map<string, Record<string, Node>>()
  for (const id of Object.keys(OPERATIONS) as OperationId[]) {
    const { path, method } = OPERATIONS[id]
    const name = path.replace(/:(\w+)/g, '{$1}')
    all.set(name, { ...all.get(name), [method.toLowerCase()]: operationNode(id) })
  }
  return Object.fromEntries(all)
}

function operationNode(id: OperationId): Node {
  const { method, summary, params = {}, query = {}, body, success = 200, problems = [] }: Operation = OPERATIONS[id]
  const parameters = [
    ...Object.entries(params).map(([name, description]) => ({
      ...{ name, in: 'path', required: true, description },
      schema: { type: 'string' },
    })),
    ...Object.entries(query).map(([name, parameter]) => queryNode(name, parameter)),
  ]
  const refusals = [...new Set([400, 403, ...(method === 'POST' ? [401, 413, 415] : []), ...problems])].sort()
  return {
    operationId: id,
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: bodySchema(id) } } } }),
    ...(method === 'POST' && { security: [{ token: [] }] }),
    responses: {
      [success]: answerNode(id, success),
      ...(id === 'readiness' && { 503: answerNode(id, 503) }),
      ...Object.fromEntries(refusals.map(status => [status, { $ref: '#/components/responses/Problem' }])),
    },
  }
}

function queryNode(name: string, { about: description, ...parameter }: Parameter): Node {
  if (parameter.type === 'text')
    return { name, in: 'query', description, schema: { type: 'string', minLength: 1 }, example: parameter.example }
  return { name, in: 'query', description, schema: parameter }
}

function answerNode(id: OperationId, status: number): Node {
  const { media = 'application/json' }: Operation = OPERATIONS[id]
  const schema = Object.hasOwn(ANSWERS, id) ? { $ref: ref(titled(id)) } : undefined
  const text = media === 'application/json' ? { type: 'object' } : { type: 'string' }
  return { description: STATUS_CODES[status], content: { [media]: { schema: schema ?? text } } }
}

const bodySchema = (id: OperationId): Node => schemaOf(BODIES[id as keyof typeof BODIES])

const named = (schemas: Readonly<Record<string, z.ZodType>>, suffix = 'Answer'): Record<string, Node> =>
  Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [titled(id, suffix), schemaOf(schema)]))

const titled = (id: keyof Answers | string, suffix = 'Answer'): string =>
  `${id.charAt(0).toUpperCase()}${id.slice(1)}${suffix}`

const ref = (name: string): string => `#/components/schemas/${name}`

/** As it is on the wire: what a client makes of it is its own affair. */
function schemaOf(schema: z.ZodType): Node {
  const { $schema: _, ...node } = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      // It may say more, which needs no words.
      if (typeof jsonSchema.additionalProperties === 'object' && jsonSchema.properties !== undefined)
        delete jsonSchema.additionalProperties
    },
  })
  return node
}
