/** A query taken apart at `&`; `undefined` when the target has none. Nothing is decoded, so it goes together again. */
function pairsOf(path: string): { readonly before: string; readonly pairs: readonly string[] } | undefined {
  const mark = path.indexOf('?')
  return mark === -1 ? undefined : { before: path.slice(0, mark), pairs: path.slice(mark + 1).split('&') }
}

/** The values of a query parameter, decoded, in order. @param path in origin-form @param name decoded */
export function parameterValues(path: string, name: string): string[] {
  const pairs = pairsOf(path)?.pairs ?? []
  return pairs.filter(pair => nameOf(pair) === name).map(contentOf)
}

/**
 * The target with this value for the parameter, where its first one was, or at the end. Further ones are gone: which of
 * two a server takes is its own secret. All other bytes stay. @param value well-formed text; goes percent-encoded
 */
export function setParameter(path: string, name: string, value: string): string {
  const added = encodePair(name, value)
  const query = pairsOf(path)
  if (query === undefined) return `${path}?${added}`
  const first = query.pairs.findIndex(pair => nameOf(pair) === name)
  const kept = query.pairs.filter((pair, i) => i === first || nameOf(pair) !== name)
  if (first !== -1) kept[first] = added
  // An empty pair at the end is the place for one: `?` and `a=1&` get no second separator.
  else kept.splice(kept.at(-1) === '' ? -1 : kept.length, 1, added)
  return `${query.before}?${kept.join('&')}`
}

/** The target with other values for a parameter; `edit` gets each decoded value, and `undefined` from it keeps its bytes. */
export function editParameter(path: string, name: string, edit: (value: string) => string | undefined): string {
  const query = pairsOf(path)
  if (query === undefined) return path
  const edited = query.pairs.map(pair => {
    const value = nameOf(pair) === name ? edit(contentOf(pair)) : undefined
    return value === undefined ? pair : encodePair(name, value)
  })
  return `${query.before}?${edited.join('&')}`
}

const encodePair = (name: string, value: string): string => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`

/** Compared decoded, as the server will: `k%65y` is `key`. */
const nameOf = (pair: string): string => decode(pair.split('=', 1)[0] ?? '')

function contentOf(pair: string): string {
  const equals = pair.indexOf('=')
  return equals === -1 ? '' : decode(pair.slice(equals + 1))
}

/** As forms are decoded; a percent sign that encodes nothing stands for itself. */
function decode(text: string): string {
  if (!/[%+]/.test(text)) return text
  return text
    .replace(/\+/g, ' ')
    .replace(/(?:%[\da-f]{2})+/gi, run => Buffer.from(run.replace(/%/g, ''), 'hex').toString())
}
