import type { RequestVector } from './vectors/request-vector.js'
import { BODY_VECTORS } from './vectors/request-vectors-bodies.js'
import { CONNECTION_VECTORS } from './vectors/request-vectors-connections.js'
import { FIELD_VECTORS } from './vectors/request-vectors-fields.js'
import { LINE_VECTORS } from './vectors/request-vectors-lines.js'

/**
 * What the request vectors of Node's own parser try (nodejs/llhttp, test/request), and their relatives: in our words, and
 * with what a proxy makes of them. What the other tables of this folder have is not here.
 */
export const REQUEST_VECTORS: readonly RequestVector[] = [
  ...LINE_VECTORS,
  ...FIELD_VECTORS,
  ...BODY_VECTORS,
  ...CONNECTION_VECTORS,
]
